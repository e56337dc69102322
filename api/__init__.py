"""The backend: HTTP, SSE and the socket that agents dial in to.

=============  ==========================================================================
app            ``create_app(settings)``: everything put together
server         ``serve(settings)``: the process
routes/        one module a resource; thin
runs           starts, shows, stops and resumes runs
driver         the task behind each run, and its one end
gateway        agents that are online, and the ``Database`` port over them
catalog        what their databases hold
store/         what is kept, behind narrow repositories
=============  ==========================================================================
"""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("custard-sql")
except PackageNotFoundError:  # a checkout that was put on the path without being installed
    VERSION = "0+unknown"
