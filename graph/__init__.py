"""The state machine: from a question to an answer that can be checked. It knows no HTTP and no socket.

``graph.build`` holds every edge and ``run_events``; ``graph.nodes`` the steps; ``graph.lint`` what is checked
before the database is asked; ``graph.events`` what the world sees; ``graph.ports`` what the graph needs.
"""
