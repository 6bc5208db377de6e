"""Windows: a shop's orders by minute, in a sliding average, by visit, and three at a time.

Each order carries the time at which it was made. Results depend on these times alone: the orders
may come in any order and at any speed.
"""

from pyflinkpp.common import Duration, Time, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import (
    AggregateFunction,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)

ORDERS = [  # customer, second, cents; the third comes 35 seconds too late
    ("ann", 65, 1200),
    ("bob", 110, 300),
    ("ann", 75, 800),
    ("ann", 125, 500),
    ("bob", 130, 700),
    ("bob", 230, 900),
    ("ann", 235, 100),
    ("ann", 240, 400),
]
ORDER = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG()])


class OrderTime(TimestampAssigner):
    """Tells the time of an order, in milliseconds."""

    def extract_timestamp(self, value, record_timestamp):
        return value[1] * 1000


class Mean(AggregateFunction):
    """Keeps (sum, count) of a window, not its orders."""

    def create_accumulator(self):
        return 0, 0

    def add(self, value, accumulator):
        return accumulator[0] + value[2], accumulator[1] + 1

    def get_result(self, accumulator):
        return round(accumulator[0] / accumulator[1], 2)

    def merge(self, acc_a, acc_b):
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Describe(ProcessWindowFunction):
    """Says which window a result belongs to."""

    def __init__(self, what):
        self.what = what

    def process(self, key, context, elements):
        window = context.window()
        span = f"{window.start // 1000:>3} to {window.end // 1000:>3} s"
        yield f"{self.what}  {key}  {span}  {list(elements)}"


def main():
    """Describes four streams of results and prints them."""
    env = StreamExecutionEnvironment.get_execution_environment()
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_minutes(1))
    orders = env.from_collection(ORDERS, ORDER).assign_timestamps_and_watermarks(
        strategy.with_timestamp_assigner(OrderTime())
    )
    by_customer = orders.key_by(lambda order: order[0], key_type=Types.STRING())

    # Each order is in one window; reduce keeps one sum for each window.
    sums = by_customer.window(TumblingEventTimeWindows.of(Time.minutes(1))).reduce(
        lambda a, b: (a[0], a[1], a[2] + b[2]), Describe("sum  ")
    )
    # Each order is in two windows.
    means = by_customer.window(
        SlidingEventTimeWindows.of(Time.minutes(2), Time.minutes(1))
    ).aggregate(Mean(), Describe("mean "))
    # A visit ends when nothing comes for 30 seconds; process sees all its orders.
    visits = by_customer.window(EventTimeSessionWindows.with_gap(Time.seconds(30))).process(
        Describe("visit")
    )
    # By number, not by time: the order in which the elements come counts here.
    threes = by_customer.count_window(3).sum(2).map(lambda order: f"three  {order[0]}  {order[2]}")

    with sums.union(means, visits, threes).execute_and_collect() as lines:
        print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
