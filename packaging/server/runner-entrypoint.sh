#!/bin/sh
# The first process of the runner's container. A runner that is told to end leaves what is at work to launchers of its
# own, and all of that would be killed with this process: it stays until nothing else runs.
machina-runner "$@" &
runner=$!
trap 'kill -TERM "$runner" 2>/dev/null' TERM INT

wait "$runner"
code=$?
# A signal ends the waiting before the runner has ended.
while kill -0 "$runner" 2>/dev/null; do
    wait "$runner"
    code=$?
done

while set -- /proc/[0-9]* && [ "$#" -gt 1 ]; do
    sleep 1
done
exit "$code"
