"""What of a database a question needs: words, tables, joins. Pure functions over a snapshot."""
