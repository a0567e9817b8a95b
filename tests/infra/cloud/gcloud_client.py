"""Stands in front of gcloud on the tests' path: `gcloud_client.py SOCKET ARGUMENTS...` has the server run a command."""

import json
import os
import socket
import sys
from pathlib import Path

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    asked = {"arguments": sys.argv[2:], "env": dict(os.environ), "folder": str(Path.cwd())}
    socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
    # Nothing is answered when gcloud was killed.
    sys.exit(int(connection.recv(16) or 1))
