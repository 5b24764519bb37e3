// The environment of a public listener's programs: made once, and for each connection only what differs is written into it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "worker/public_plan.h"

namespace usher {

class PublicEnvironment {
 public:
  // `local` is where the listener listens: its family decides which variables there are.
  PublicEnvironment(const PublicPlan& plan, const Endpoint& local);
  PublicEnvironment(const PublicEnvironment&) = delete;
  PublicEnvironment& operator=(const PublicEnvironment&) = delete;

  // For execve, until the next call.
  char* const* of(std::uint32_t number, const Endpoint& client, const Endpoint& local);

  // "000123/usher/time": the job's name.
  std::string job_name(std::uint32_t number) const;

 private:
  enum Changing { job, remote_ip, remote_address, remote_port, remote_port_again, local_ip, local_port, kChanging };
  static constexpr std::size_t kRoom = 384;  // a name and the longest value: a job's name, number/user/listener

  void set(Changing which, std::string_view value);

  std::string owner_;
  std::string listener_;
  std::vector<std::string> fixed_;
  std::array<std::array<char, kRoom>, kChanging> changing_{};
  std::vector<char*> pointers_;
};

}  // namespace usher
