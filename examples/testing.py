"""Testing a piece of a program: a rule that watches for silence, under a virtual clock.

A Harness runs the real engine in the calling thread. Nothing happens but in its calls, and no time
passes but by advance(): so a test of timers needs no sleeping and gives the same result each time.
With pytest, watch_for_silence() and each check below would be a function `test_…`.
"""

from pyflinkpp.common import Types
from pyflinkpp.datastream import KeyedProcessFunction
from pyflinkpp.datastream.state import ValueStateDescriptor
from pyflinkpp.testing import Harness

READING = Types.TUPLE([Types.STRING(), Types.LONG()])  # sensor, value
PATIENCE = 60_000  # milliseconds


class Silence(KeyedProcessFunction):
    """Reports a sensor that has said nothing for a minute."""

    def open(self, runtime_context):
        self.deadline = runtime_context.get_state(ValueStateDescriptor("deadline", Types.LONG()))

    def process_element(self, value, ctx):
        timers = ctx.timer_service()
        if self.deadline.value() is not None:
            timers.delete_processing_time_timer(self.deadline.value())
        self.deadline.update(timers.current_processing_time() + PATIENCE)
        timers.register_processing_time_timer(self.deadline.value())

    def on_timer(self, timestamp, ctx):
        self.deadline.clear()
        yield f"{ctx.get_current_key()} is silent since {timestamp - PATIENCE} ms"


def watch_for_silence(readings):
    """Builds the piece of the program that is tested."""
    keyed = readings.key_by(lambda reading: reading[0], key_type=Types.STRING())
    return keyed.process(Silence(), output_type=Types.STRING()).name("silence")


def main():
    """Tests it, and prints what is seen on the way."""
    with Harness(watch_for_silence, READING) as harness:
        harness.push(("north", 7))
        harness.advance(40_000)
        harness.push(("south", 3))
        print("state:", harness.state("silence"))
        print("timers:", harness.timers("silence", processing_time=True))

        harness.advance(19_999)
        assert harness.output() == [], "a minute has not passed yet"
        harness.advance(1)
        print("after a minute:", harness.output())

        harness.push(("south", 4))  # in time: its timer starts again
        harness.advance(59_999)
        assert harness.output() == []
        harness.advance(1)
        print("later:", harness.output())

        assert harness.state("silence") == {"deadline": {}}, "nothing is left behind"
        print("elements:", harness.end().get_summary()["silence"]["records_in"])


if __name__ == "__main__":
    main()
