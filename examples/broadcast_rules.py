"""Broadcast state: limits that change while the readings flow, known to every subtask.

Two streams run at their own speeds, so a reading may come before a limit that already held at its
time. Therefore each reading waits for a timer: it fires when both streams have reached its time.
"""

from pyflinkpp.common import Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import KeyedBroadcastProcessFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.state import MapStateDescriptor

READINGS = [
    ("boiler", 1, 70),
    ("boiler", 5, 90),
    ("tank", 6, 30),
    ("boiler", 9, 90),
    ("tank", 9, 9),
]
LIMITS = [("boiler", 0, 80), ("tank", 0, 20), ("boiler", 7, 95)]  # sensor, valid from second, limit
TIMED = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG()])

RULES = MapStateDescriptor("limits", Types.STRING(), Types.MAP(Types.LONG(), Types.LONG()))
WAITING = MapStateDescriptor("waiting", Types.LONG(), Types.LIST(Types.LONG()))


class SecondField(TimestampAssigner):
    """The second field of an element is its time, in seconds."""

    def extract_timestamp(self, value, record_timestamp):
        return value[1] * 1000


class Check(KeyedBroadcastProcessFunction):
    """Compares each reading with the limit that held at its time."""

    def open(self, runtime_context):
        self.waiting = runtime_context.get_map_state(WAITING)

    def process_broadcast_element(self, value, ctx):
        sensor, second, limit = value
        limits = ctx.get_broadcast_state(RULES)  # the same in each subtask
        limits.put(sensor, {**(limits.get(sensor) or {}), second * 1000: limit})

    def process_element(self, value, ctx):
        time = ctx.timestamp()
        self.waiting.put(time, [*(self.waiting.get(time) or ()), value[2]])
        ctx.timer_service().register_event_time_timer(time)

    def on_timer(self, timestamp, ctx):
        sensor = ctx.get_current_key()
        limits = ctx.get_broadcast_state(RULES).get(sensor) or {}
        limit = limits[max(since for since in limits if since <= timestamp)]
        for reading in self.waiting.get(timestamp):
            verdict = "too high" if reading > limit else "fine"
            yield f"{sensor} at {timestamp // 1000} s: {reading} of {limit}, {verdict}"
        self.waiting.remove(timestamp)


def main():
    """Runs the job at parallelism 2 and prints its verdicts."""
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(2)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(SecondField())
    readings = env.from_collection(READINGS, TIMED).assign_timestamps_and_watermarks(strategy)
    limits = env.from_collection(LIMITS, TIMED).assign_timestamps_and_watermarks(strategy)
    verdicts = (
        readings.key_by(lambda reading: reading[0], key_type=Types.STRING())
        .connect(limits.broadcast(RULES))
        .process(Check(), output_type=Types.STRING())
    )
    with verdicts.execute_and_collect() as lines:
        print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
