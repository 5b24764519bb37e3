#include "worker/public_environment.h"

#include <algorithm>
#include <cstring>

#include "base/job_id.h"
#include "worker/environment.h"

namespace usher {
namespace {

// In the order of PublicEnvironment::Changing.
constexpr std::array<std::string_view, 7> kNames{"USHER_JOB=",   "TCPREMOTEIP=", "REMOTE_ADDR=", "TCPREMOTEPORT=",
                                                 "REMOTE_PORT=", "TCPLOCALIP=",  "TCPLOCALPORT="};

}  // namespace

PublicEnvironment::PublicEnvironment(const PublicPlan& plan, const Endpoint& local)
    : owner_(plan.owner), listener_(plan.listener) {
  // A sample of what a worker would give: the names are the same.
  fixed_ = program_environment({}, plan.program, plan.account, {job_name(0), plan.listener, local, local});
  for (std::size_t i = 0; i < kNames.size(); ++i) kNames[i].copy(changing_[i].data(), kRoom - 1);
  for (std::string& variable : fixed_) {
    const auto* name = std::find_if(kNames.begin(), kNames.end(), [&](std::string_view n) { return variable.starts_with(n); });
    pointers_.push_back(name == kNames.end() ? variable.data()
                                             : changing_.at(static_cast<std::size_t>(name - kNames.begin())).data());
  }
  pointers_.push_back(nullptr);
}

std::string PublicEnvironment::job_name(std::uint32_t number) const { return usher::job_name(number, owner_, listener_); }

void PublicEnvironment::set(Changing which, std::string_view value) {
  const std::size_t name = kNames.at(which).size();
  const std::size_t end = name + value.copy(changing_.at(which).data() + name, kRoom - 1 - name);
  changing_.at(which).at(end) = '\0';
}

char* const* PublicEnvironment::of(std::uint32_t number, const Endpoint& client, const Endpoint& local) {
  set(job, job_name(number));
  set(remote_ip, client.host);
  set(remote_address, client.host);
  const std::string port = std::to_string(client.port);
  set(remote_port, port);
  set(remote_port_again, port);
  set(local_ip, local.host);
  set(local_port, std::to_string(local.port));
  return pointers_.data();
}

}  // namespace usher
