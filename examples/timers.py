"""State and timers: which parcels were not delivered within two days of being sent?

A KeyedProcessFunction has state and timers of its own for each key, here for each parcel. A timer
of event time fires once no earlier event can come any more, however late the events are.
"""

from pyflinkpp.common import Duration, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.state import ListStateDescriptor, ValueStateDescriptor

EVENTS = [  # parcel, hour, what
    ("P1", 0, "sent"),
    ("P2", 3, "sent"),
    ("P2", 40, "delivered"),
    ("P1", 20, "scanned"),  # late, but not too late
    ("P3", 30, "sent"),
    ("P1", 60, "delivered"),
    ("P3", 45, "scanned"),
]
EVENT = Types.TUPLE([Types.STRING(), Types.LONG(), Types.STRING()])
HOUR = 60 * 60 * 1000
PATIENCE = 48 * HOUR


class EventTime(TimestampAssigner):
    """Tells the time of an event, in milliseconds."""

    def extract_timestamp(self, value, record_timestamp):
        return value[1] * HOUR


class Overdue(KeyedProcessFunction):
    """Reports parcels that are overdue, and forgets those that have arrived."""

    def open(self, runtime_context):
        self.deadline = runtime_context.get_state(ValueStateDescriptor("deadline", Types.LONG()))
        entry = Types.TUPLE([Types.LONG(), Types.STRING()])
        self.history = runtime_context.get_list_state(ListStateDescriptor("history", entry))

    def process_element(self, value, ctx):
        parcel, hour, what = value
        timers = ctx.timer_service()
        if what == "sent":
            self.deadline.update(ctx.timestamp() + PATIENCE)
            timers.register_event_time_timer(ctx.timestamp() + PATIENCE)
        deadline = self.deadline.value()
        if deadline is None or ctx.timestamp() > deadline:
            return  # this parcel is reported by the timer, or was
        if what == "delivered":
            timers.delete_event_time_timer(deadline)
            self.forget()
            yield f"{parcel} arrived in time"
        else:
            self.history.add((hour, what))

    def on_timer(self, timestamp, ctx):
        history = ", ".join(f"{what} in hour {hour}" for hour, what in sorted(self.history.get()))
        yield f"{ctx.get_current_key()} is overdue in hour {timestamp // HOUR}: {history}"
        self.forget()

    def forget(self):
        """Frees the state of the key in hand."""
        self.deadline.clear()
        self.history.clear()


def main():
    """Runs the job and prints what it reports."""
    env = StreamExecutionEnvironment.get_execution_environment()
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_days(1))
    events = env.from_collection(EVENTS, EVENT).assign_timestamps_and_watermarks(
        strategy.with_timestamp_assigner(EventTime())
    )
    reports = events.key_by(lambda event: event[0], key_type=Types.STRING()).process(
        Overdue(), output_type=Types.STRING()
    )
    with reports.execute_and_collect() as lines:
        print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
