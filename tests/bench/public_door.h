// Servers that start a program for each connection without a login, all as the same user and with the same program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/front_door.h"

namespace usher::bench {

class PublicDoor {
 public:
  PublicDoor(std::string name, std::uint16_t port, const std::vector<std::string>& command);
  ~PublicDoor();
  PublicDoor(const PublicDoor&) = delete;
  PublicDoor& operator=(const PublicDoor&) = delete;

  const std::string& name() const noexcept { return name_; }
  // Connect, the program's line, its end.
  NewSession sessions() const;

 private:
  std::string name_;
  std::uint16_t port_;
  testing::Process process_;
};

using PublicDoorPtr = std::unique_ptr<PublicDoor>;

PublicDoorPtr start_public_usher(const BenchGround& ground);
PublicDoorPtr start_tcpserver(const BenchGround& ground);
PublicDoorPtr start_xinetd(const BenchGround& ground);

}  // namespace usher::bench
