#include "worker/status.h"

namespace usher {
namespace {

void tell_service(const char* group, const std::string& name, const Service& service, Control::Call& call) {
  call.fact({group, name, "pid", std::to_string(service.pid())});
  call.fact({group, name, "restarts", std::to_string(service.restarts())});
}

void tell_pool(const PoolConfig& pool, std::size_t workers, Control::Call& call) {
  call.fact({"pool", pool.name, "workers", std::to_string(workers)});
  for (const auto& [key, value] : {std::pair("maximum", pool.maximum), std::pair("initial", pool.initial),
                                   std::pair("threshold", pool.threshold), std::pair("additional", pool.additional)}) {
    call.fact({"pool", pool.name, key, std::to_string(value)});
  }
  call.fact({"pool", pool.name, "wait", pool.wait ? "yes" : "no"});
}

}  // namespace

void tell_parts(const Parts& parts, Control::Call& call) {
  tell_service("process", "listener", parts.listener, call);
  tell_service("process", "pool", parts.pool, call);
  parts.publics.for_each([&](const std::string& name, const Service& service) { tell_service("public", name, service, call); });
  const Configuration& configuration = *parts.generation.configuration;
  for (std::size_t i = 0; i < parts.generation.listening.size(); ++i) {
    if (!parts.generation.listening[i]) continue;  // closed already: Usher stops
    call.fact({"listener", configuration.listeners[i].name, "address", parts.generation.listening[i]->address()});
  }
  for (const PoolConfig& pool : configuration.pools) tell_pool(pool, parts.workers.count(pool.name), call);
  for (const auto& [name, stage] : {std::pair("ready", WorkerStage::idle), std::pair("login", WorkerStage::login),
                                    std::pair("active", WorkerStage::session)}) {
    call.fact({"workers", "all", name, std::to_string(parts.workers.count(stage))});
  }
}

}  // namespace usher
