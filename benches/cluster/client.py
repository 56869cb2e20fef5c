#!/usr/bin/env python3
"""Calls in a closed loop over gRPC's own round robin; says how the calls ended.

client.py SERVER,SERVER REQUEST CALLERS SECONDS OUTPUT

REQUEST is a file with the message that is sent again and again. The figures go to OUTPUT as JSON: when each call ended
in seconds, and how the failed ones failed. Says "calling" once it calls.
"""

import json
import sys
import threading
import time
from pathlib import Path

import grpc

POLICY = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


def main() -> None:
    servers, request, callers, seconds, output = sys.argv[1:]
    message = Path(request).read_bytes()
    # The list itself would make no valid authority.
    options = [("grpc.service_config", POLICY), ("grpc.default_authority", "tagwerk")]
    channel = grpc.insecure_channel(f"ipv4:{servers}", options=options)
    health = channel.unary_unary("/grpc.health.v1.Health/Check")
    tag = channel.unary_unary("/tagwerk.v1.TaggingService/Tag")
    # Until every connection is there, all calls go to the first.
    for _ in range(50):
        health(b"", timeout=10, wait_for_ready=True)
        time.sleep(0.01)

    ended, failed = [], []
    start = time.monotonic()

    def call_on() -> None:
        while time.monotonic() - start < float(seconds):
            try:
                tag(message, timeout=60)
                ended.append(time.monotonic() - start)
            except grpc.RpcError as error:
                failed.append(f"{error.code().name}: {error.details()}")

    threads = [threading.Thread(target=call_on) for _ in range(int(callers))]
    for thread in threads:
        thread.start()
    print("calling", flush=True)
    for thread in threads:
        thread.join()
    Path(output).write_text(json.dumps({"ended": ended, "failed": failed}))


if __name__ == "__main__":
    main()
