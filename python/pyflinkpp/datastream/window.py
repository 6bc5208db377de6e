"""Windows: not in this version; each name is refused."""

from pyflinkpp._missing import refuse_names

__getattr__ = refuse_names(
    __name__,
    frozenset(
        {
            "ContinuousEventTimeTrigger",
            "ContinuousProcessingTimeTrigger",
            "CountSlidingWindowAssigner",
            "CountTrigger",
            "CountTumblingWindowAssigner",
            "CountWindow",
            "CountWindowSerializer",
            "DynamicEventTimeSessionWindows",
            "DynamicProcessingTimeSessionWindows",
            "EventTimeSessionWindows",
            "EventTimeTrigger",
            "GlobalWindow",
            "GlobalWindowSerializer",
            "GlobalWindows",
            "MergingWindowAssigner",
            "Min",
            "NeverTrigger",
            "ProcessingTimeSessionWindows",
            "ProcessingTimeTrigger",
            "PurgingTrigger",
            "SessionWindowTimeGapExtractor",
            "SlidingEventTimeWindows",
            "SlidingProcessingTimeWindows",
            "TimeWindow",
            "TimeWindowSerializer",
            "Trigger",
            "TriggerResult",
            "TumblingEventTimeWindows",
            "TumblingProcessingTimeWindows",
            "Window",
            "WindowAssigner",
            "WindowOperationDescriptor",
        }
    ),
)
