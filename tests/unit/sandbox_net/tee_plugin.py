"""The plugin of the recording: answers as it did, and writes down word for word what lightningd says to it."""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    heard = Path(sys.argv[1])
    manifest = json.loads(sys.argv[2])
    mode = "resolve"
    text = ""
    while data := os.read(0, 1 << 16).decode():
        with heard.open("a") as file:
            file.write(data)
        text += data
        while "\n\n" in text:
            message, text = text.split("\n\n", 1)
            request = json.loads(message)
            match request["method"]:
                case "shutdown":
                    return
                case "getmanifest":
                    result = manifest
                case "init":
                    result = {}
                case "h239-mode":
                    params = request["params"]
                    mode = params[0] if isinstance(params, list) else params["mode"]
                    result = {"mode": mode}
                case "h239-pid":
                    result = {"pid": os.getpid()}
                case _:
                    result = {"result": mode}
            response = {"jsonrpc": "2.0", "id": request["id"], "result": result}
            os.write(1, (json.dumps(response) + "\n\n").encode())


if __name__ == "__main__":
    main()
