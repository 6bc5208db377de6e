// Clusters of several processes, as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

namespace pyflinkpp {

void BindProcesses(pybind11::module_& module);

// Cancels all jobs of all clusters and lets their TaskManagers go. The interpreter's lock is not held.
void ShutdownProcessClusters();

}  // namespace pyflinkpp
