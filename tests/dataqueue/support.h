// What the data-queue tests share: children that can be killed, and how they report.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait_until.h"
#include "usher/data_queue.h"

namespace usher::testing {

using namespace std::chrono_literals;

// A pipe of short messages.
class Messages {
 public:
  Messages() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }
  // At most PIPE_BUF bytes, so that messages of several processes do not mix.
  void say(const std::string& message) const {
    const std::string line = message + "\n";
    if (::write(write_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }
  // "(nothing)" when none comes.
  std::string hear(std::chrono::milliseconds patience = kPatience) {
    while (buffer_.find('\n') == std::string::npos) {
      pollfd readable{read_.get(), POLLIN, 0};
      if (::poll(&readable, 1, static_cast<int>(patience.count())) <= 0) return "(nothing)";
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(read_.get(), bytes.data(), bytes.size());
      if (got <= 0) return "(nothing)";
      buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    std::string line = buffer_.substr(0, buffer_.find('\n'));
    buffer_.erase(0, line.size() + 1);
    return line;
  }

 private:
  UniqueFd read_, write_;
  std::string buffer_;
};

// A child that runs `body`; killed when it goes.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) run(body);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  pid_t pid() const { return pid_; }
  void send_signal(int number) const { ::kill(pid_, number); }
  void stop() const {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  // SIGKILL, and gone.
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  // The exit status; -SIGNAL when killed by one; -1000 when it does not end.
  int wait() {
    int status = 0;
    const bool ended = wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!ended) return -1000;
    pid_ = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  [[noreturn]] static void run(const std::function<void()>& body) {
    try {
      body();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(1);
  }
  pid_t pid_;
};

// The code of the error that `call` throws; nothing thrown is 0.
template <class Call>
int code_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
  return 0;
}

#define CHECK_ERROR(call, expected) \
  CHECK(usher::testing::code_of([&] { static_cast<void>(call); }) == static_cast<int>(usher::ErrorCode::expected))

// What several processes said, in whatever order.
template <class... Lines>
std::vector<std::string> sorted(Lines... lines) {
  std::vector<std::string> all{lines...};
  std::sort(all.begin(), all.end());
  return all;
}

inline std::string data_of(const std::optional<Entry>& entry) {
  return entry ? entry->data : "(none)";
}

// Until `count` waits are registered on the queue, and whoever registered them has given the turn back: stopped with it, one
// would hold up all the others.
inline bool waiting(DataQueue& queue, std::uint32_t count) {
  const bool registered = wait_until([&] { return queue.describe().waiters == count; });
  queue.send_batch({});  // takes a turn of its own
  return registered;
}

}  // namespace usher::testing
