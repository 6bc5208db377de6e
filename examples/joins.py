"""Joins: orders and payments that belong together, by window and by distance in time."""

from pyflinkpp.common import Time, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import CoGroupFunction, ProcessJoinFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.window import TumblingEventTimeWindows

ORDERS = [("o1", 1, "tea"), ("o2", 4, "milk"), ("o3", 12, "bread"), ("o4", 15, "salt")]
PAYMENTS = [("o1", 3, "cash"), ("o2", 13, "card"), ("o3", 14, "card"), ("o3", 19, "again")]
TIMED = Types.TUPLE([Types.STRING(), Types.LONG(), Types.STRING()])


class SecondField(TimestampAssigner):
    """The second field of an element is its time, in seconds."""

    def extract_timestamp(self, value, record_timestamp):
        return value[1] * 1000


class Compare(CoGroupFunction):
    """Sees both sides of a window; one of them may be empty, so outer joins are possible."""

    def co_group(self, first, second):
        for number, _, what in first:
            paid = [how for _, _, how in second]
            yield f"co_group  {number} {what}: {' and '.join(paid) or 'not paid in its window'}"


class Within(ProcessJoinFunction):
    """Sees each pair whose times are near each other."""

    def process_element(self, left, right, ctx):
        waited = (ctx.get_right_timestamp() - ctx.get_left_timestamp()) // 1000
        yield f"interval  {left[0]} {left[2]}: {right[2]} after {waited} s"


def number_of(element):
    """Gives the number of the order that an element is about."""
    return element[0]


def main():
    """Describes three joins and prints their results."""
    env = StreamExecutionEnvironment.get_execution_environment()
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(SecondField())
    orders = env.from_collection(ORDERS, TIMED).assign_timestamps_and_watermarks(strategy)
    payments = env.from_collection(PAYMENTS, TIMED).assign_timestamps_and_watermarks(strategy)

    # All pairs with the same number in the same 10 seconds: 0 to 10 and 10 to 20.
    windows = TumblingEventTimeWindows.of(Time.seconds(10))
    joined = (
        orders.join(payments)
        .where(number_of, Types.STRING())
        .equal_to(number_of)
        .window(windows)
        .apply(lambda order, payment: f"join      {order[0]} {order[2]}: {payment[2]}")
    )
    # The same windows, but with orders that nobody has paid.
    compared = (
        orders.co_group(payments)
        .where(number_of, Types.STRING())
        .equal_to(number_of)
        .window(windows)
        .apply(Compare())
    )
    # No windows: a payment follows its order by less than 10 seconds.
    within = (
        orders.key_by(number_of, Types.STRING())
        .interval_join(payments.key_by(number_of, Types.STRING()))
        .between(Time.seconds(0), Time.seconds(10))
        .upper_bound_exclusive()
        .process(Within())
    )
    with joined.union(compared, within).execute_and_collect() as lines:
        print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
