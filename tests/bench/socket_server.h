// A server program that listens on a unix socket, started for a benchmark and killed with it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace usher::bench {

class SocketServer {
 public:
  // Starts `words`, which make it listen at `path`, and waits until it does.
  SocketServer(std::string path, std::vector<std::string> words);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  pid_t pid_ = -1;
};

// Nothing when nobody listens there.
UniqueFd connect_to(const std::string& path);

// A client of a protocol of lines and counted bytes. Errors: std::runtime_error when the server is gone.
class SocketSession {
 public:
  explicit SocketSession(const std::string& path) : socket_(connect_to(path)) {}
  void write(std::string_view bytes);
  // Up to and with the next CRLF.
  std::string read_line();
  std::string read_bytes(std::size_t count);

 private:
  void fill();

  UniqueFd socket_;
  std::string received_;
};

}  // namespace usher::bench
