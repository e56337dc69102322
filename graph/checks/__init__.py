"""What a draft or a result gives away about itself. Pure functions; the graph decides what follows."""
