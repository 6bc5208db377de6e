// What the processes of a cluster tell each other: calls without a result, in frames of Network. An answer is a call in the
// other direction. A frame is an RpcHeader and, right behind it, one call, both in the compact protocol.
// Rules for change: those of pyflinkpp.thrift; a change that an older process would misunderstand needs a new version.
include "pyflinkpp.thrift"
namespace cpp pyflinkpp.idl

struct RpcHeader {
  1: i32 version,
  2: i64 session,                       // the number of the registration that the message belongs to; 0: before it
}

// ---- TaskManagers ----

struct TaskManagerRegistration {
  1: string id,                         // of the process: 32 hexadecimal digits
  2: i32 slots,
  3: string data_address,               // HOST:PORT where it takes channels of others
  4: string pyflinkpp_version,
  5: string python_version,             // "3.11"
  6: string name,                       // for messages: the host and the process id
}

struct RegistrationAccepted {
  1: i64 session,                       // goes into the header of all further messages, in both directions
  2: i64 heartbeat_timeout_ms,          // who hears nothing from the other for so long takes it for lost
}

// From a TaskManager.
service JobManagerService {
  oneway void RegisterTaskManager(1: TaskManagerRegistration registration),
  oneway void Heartbeat(),              // the answer to one
  oneway void ReportTask(1: pyflinkpp.TaskReport report),
  oneway void RequestSplit(1: pyflinkpp.SplitRequest request),
  oneway void ReportWatermark(1: pyflinkpp.WatermarkProgress progress),
  oneway void AnswerCheckpoint(1: pyflinkpp.CheckpointAnswer answer),
  oneway void ReportSourceWatermark(1: pyflinkpp.ReportedWatermark report),
}

// To a TaskManager.
service TaskManagerService {
  oneway void AcceptRegistration(1: RegistrationAccepted accepted),
  oneway void RefuseRegistration(1: string reason),          // for good
  oneway void Heartbeat(),
  oneway void SubmitTask(1: pyflinkpp.TaskDeployment deployment),
  oneway void CancelTask(1: pyflinkpp.TaskId task),
  oneway void AssignSplits(1: pyflinkpp.SplitAssignment assignment),
  oneway void CommitTask(1: pyflinkpp.TaskId task),
  oneway void TriggerCheckpoint(1: pyflinkpp.CheckpointTrigger trigger),
  oneway void NotifyCheckpoint(1: pyflinkpp.CheckpointNotice notice),
  oneway void AlignWatermark(1: pyflinkpp.WatermarkAlignment alignment),
  oneway void ReleaseJob(1: string job_id),                  // it has ended
}
