#!/usr/bin/env python3
"""A plain server of the family, as it is usually written: threads, whole files in memory, base64 in JSON.

It is here to be compared with and to test clients against, not to be used: it knows LIST, GET, DOWNLOAD, UPLOAD and
DELETE, does not know HELLO, trusts every name, and reads a request in one string until CR LF CR LF.

    python3 scripts/plain_server.py --port 46700 --root FOLDER [--workers 50]
"""

import argparse
import base64
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor


def answer(root, line):
    verb, _, rest = line.strip().partition(" ")
    verb = verb.upper()
    if verb == "LIST":
        return {"status": "OK", "data": sorted(entry.name for entry in os.scandir(root) if entry.is_file())}
    if verb in ("GET", "DOWNLOAD"):
        with open(os.path.join(root, rest), "rb") as file:
            return {"status": "OK", "data_namafile": rest, "data_file": base64.b64encode(file.read()).decode()}
    if verb == "UPLOAD":
        name, _, payload = rest.rpartition(" ")
        content = base64.b64decode(payload)
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
        return {"status": "OK", "data": f"{name} has been stored"}
    if verb == "DELETE":
        os.remove(os.path.join(root, rest))
        return {"status": "OK", "data": f"{rest} has been deleted"}
    return {"status": "ERROR", "data": "request tidak dikenali"}


def serve(connection, root):
    with connection:
        received = bytearray()
        while True:
            piece = connection.recv(1 << 20)
            if not piece:
                return
            received += piece
            if not received.endswith(b"\r\n\r\n"):
                continue
            try:
                reply = answer(root, received.decode())
            except Exception as error:  # Whatever goes wrong is the reply of such a server.
                reply = {"status": "ERROR", "data": str(error)}
            connection.sendall((json.dumps(reply) + "\r\n\r\n").encode())
            received.clear()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--root", required=True)
    arguments.add_argument("--workers", type=int, default=50)
    given = arguments.parse_args()
    with socket.create_server(("127.0.0.1", given.port), backlog=4096) as listener:
        print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        with ThreadPoolExecutor(given.workers) as pool:
            while True:
                connection, _ = listener.accept()
                pool.submit(serve, connection, given.root)


if __name__ == "__main__":
    main()
