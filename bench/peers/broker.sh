#!/usr/bin/env bash
# One Apache Kafka broker (KRaft, broker and controller in one JVM) on the loopback interface.
#
#	./broker.sh start [data directory]   starts it, unless it runs already, and prints its process id
#	./broker.sh stop  [data directory]   stops it and keeps its data
#	./broker.sh pid   [data directory]   prints its process id; fails where it does not run
#	./broker.sh wipe  [data directory]   stops it and deletes its data
#
# The data directory's default is .work/broker. Settings from the environment: PORT (19092), CONTROLLER_PORT (PORT + 1),
# HEAP (1g), JAVA (java), BROKER_JAVA_OPTS, and BROKER_CONF: a file of further broker properties.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${2:-$here/.work/broker}
port=${PORT:-19092}
controller=${CONTROLLER_PORT:-$((port + 1))}
heap=${HEAP:-1g}
java=${JAVA:-java}
mark=peerbench.broker.port

# running prints the id of the broker that this data directory belongs to. The id may be an old one that another process
# has by now, so the command line must be the broker's too.
running() {
  local pid
  pid=$(cat "$data/pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null | grep -q "^-D$mark=" || return 1
  echo "$pid"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
  local pid
  if pid=$(running); then echo "$pid"; return; fi
  [ -e "$here/.work/bin/broker" ] || { echo "broker.sh: no jars in .work/bin/broker: run build.sh first" >&2; exit 1; }
  if answers; then echo "broker.sh: something else listens on port $port" >&2; exit 1; fi
  mkdir -p "$data/logs"
  cat > "$data/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$data/logs
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
CONF
  if [ -n "${BROKER_CONF:-}" ]; then cat "$BROKER_CONF" >> "$data/server.properties"; fi
  "$java" -Xmx128m -cp "$here/.work/bin/broker/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=error kafka.tools.StorageTool \
    format --ignore-formatted -t 4L6g3nShT-eMCtK--X86sw -c "$data/server.properties" > "$data/format.log" 2>&1 ||
    { cat "$data/format.log" >&2; exit 1; }
  # The heap has its full size from the start, so that its growth falls into no measurement.
  # shellcheck disable=SC2086
  nohup setsid "$java" -Xms"$heap" -Xmx"$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 ${BROKER_JAVA_OPTS:-} -D$mark="$port" \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$here/.work/bin/broker/*" kafka.Kafka "$data/server.properties" \
    >> "$data/broker.log" 2>&1 < /dev/null &
  echo $! > "$data/pid"
  for _ in $(seq 600); do
    if ! pid=$(running); then
      # The shell may not have become the JVM yet.
      if ! kill -0 "$(cat "$data/pid")" 2>/dev/null; then tail -n 20 "$data/broker.log" >&2; echo "broker.sh: it ended" >&2; exit 1; fi
    elif answers; then
      echo "$pid"
      return
    fi
    sleep 0.1
  done
  echo "broker.sh: it does not answer after 60 s; see $data/broker.log" >&2
  exit 1
}

stop() {
  local pid
  pid=$(running) || return 0
  kill "$pid"
  for _ in $(seq 300); do
    running >/dev/null || { rm -f "$data/pid"; return 0; }
    sleep 0.1
  done
  echo "broker.sh: process $pid does not end" >&2
  exit 1
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  pid) running || { echo "broker.sh: it does not run" >&2; exit 1; } ;;
  wipe) stop; [ ! -e "$data/server.properties" ] || rm -rf "$data" ;;
  *) echo "usage: broker.sh start|stop|pid|wipe [data directory]" >&2; exit 2 ;;
esac
