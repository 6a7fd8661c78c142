"""A small plugin of lightningd for tests: it keeps what its hooks see and answers what it is told to."""

import json
import os
import sys

state = {"mode": "resolve", "seen": []}


def manifest() -> dict:
    methods = [("echo-mode", "mode"), ("echo-seen", ""), ("echo-pid", ""), ("echo-fail", ""), ("echo-die", "")]
    return {
        "dynamic": True,
        "options": [{"name": "echo-file", "type": "string", "description": "unused", "default": "x"}],
        "subscriptions": ["shutdown"],
        "rpcmethods": [{"name": name, "usage": usage, "description": "x"} for name, usage in methods],
        "hooks": [{"name": "onion_message_recv"}, {"name": "onion_message_recv_secret", "before": ["offers"]}],
    }


def mode(params: object) -> dict:
    state["mode"] = params[0] if isinstance(params, list) else params["mode"]
    return {"mode": state["mode"]}


def hook(params: dict) -> dict:
    state["seen"].append(params)
    if state["mode"] == "die":
        os._exit(3)
    return {"result": state["mode"]}


def answer(method: str, params: object) -> dict:
    match method:
        case "getmanifest":
            return manifest()
        case "init":
            state["init"] = params
            return {}
        case "echo-mode":
            return mode(params)
        case "echo-seen":
            return {"seen": state["seen"], "init": state["init"], "lightningd": os.environ.get("LIGHTNINGD_PLUGIN")}
        case "echo-pid":
            return {"pid": os.getpid()}
        case "echo-die":
            os._exit(7)
        case _:
            return hook(params)


def main() -> None:
    sys.stderr.write("the plugin has begun\n")
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        if request["method"] == "shutdown":
            return
        response = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] == "echo-fail":
            response["error"] = {"code": -42, "message": "told to fail", "data": {"why": ["told"]}}
        else:
            response["result"] = answer(request["method"], request["params"])
        sys.stdout.write(json.dumps(response) + "\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
