#include "worker/status_report.h"

#include <unistd.h>

namespace usher {

void report_status(Control::Call& call, const StatusView& view) {
  const Configuration& configuration = *view.generation.configuration;
  const auto fact = [&](const char* group, const std::string& name, const char* key, const std::string& value) {
    call.fact({group, name, key, value});
  };
  fact("server", "usher", "pid", std::to_string(::getpid()));
  fact("server", "usher", "configuration", view.configuration);
  fact("server", "usher", "generation", std::to_string(view.generation.number));
  fact("server", "usher", "ready", view.ready ? "yes" : "no");
  for (const auto& [name, service] : {std::pair("listener", &view.listener), std::pair("pool", &view.pool)}) {
    fact("process", name, "pid", std::to_string(service->pid()));
    fact("process", name, "restarts", std::to_string(service->restarts()));
  }
  for (std::size_t i = 0; i < view.generation.listening.size(); ++i) {
    fact("listener", configuration.listeners[i].name, "address", view.generation.listening[i]->address());
  }
  const WorkerTable& table = view.workers;
  for (const PoolConfig& pool : configuration.pools) {
    fact("pool", pool.name, "workers", std::to_string(table.count(pool.name)));
    fact("pool", pool.name, "maximum", std::to_string(pool.maximum));
  }
  for (const auto& [name, stage] : {std::pair("ready", WorkerStage::idle), std::pair("login", WorkerStage::login),
                                    std::pair("active", WorkerStage::session)}) {
    fact("workers", "all", name, std::to_string(table.count(stage)));
  }
  call.done(0, "");
}

}  // namespace usher
