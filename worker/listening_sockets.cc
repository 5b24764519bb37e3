#include "worker/listening_sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/endpoint.h"
#include "base/listen_address.h"
#include "base/outgoing_socket.h"
#include "base/system.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr int kBacklog = 4096;  // the kernel takes the smaller of this and net.core.somaxconn

void set_option(int fd, int level, int name, int value) {
  check(::setsockopt(fd, level, name, &value, sizeof value), "set a socket option");
}

ListenAddress required_address(const std::string& text) {
  auto address = parse_listen_address(text);
  if (!address) throw Error(ErrorCode::invalid_argument, "\"" + text + "\" is no address to listen on");
  return std::move(*address);
}

// A socket file that nobody listens on any more is what a killed starter leaves: it makes way. Anything else does not.
void remove_stale(const ListenAddress& address) {
  struct stat status {};
  if (::lstat(address.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  const UniqueFd probe(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make a socket"));
  if (::connect(probe.get(), address.address(), address.length) != 0 && errno == ECONNREFUSED) {
    ::unlink(address.path.c_str());
  }
}

UniqueFd bind_unix(const ListenAddress& address, int type, mode_t mode) {
  UniqueFd fd(check(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make a socket"));
  const mode_t before = ::umask(static_cast<mode_t>(0777 & ~mode));
  const int bound = ::bind(fd.get(), address.address(), address.length);
  const int error = errno;
  ::umask(before);
  if (bound != 0) throw_errno("listen on unix:" + address.path, error);
  check(::listen(fd.get(), kBacklog), "listen on unix:" + address.path);
  return fd;
}

UniqueFd bind_network(const ListenAddress& address, const std::string& text) {
  const int family = address.storage.ss_family;
  UniqueFd fd(check(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make a socket"));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  check(::bind(fd.get(), address.address(), address.length), "listen on " + text);
  check(::listen(fd.get(), kBacklog), "listen on " + text);
  return fd;
}

// Two listeners may both leave their port to the kernel: then it is the name that tells them apart.
bool is_same_place(const ListenerConfig& before, const ListenerConfig& now) {
  return before.address == now.address && (before.name == now.name || !now.address.ends_with(":0"));
}

}  // namespace

ListeningEnd::ListeningEnd(const std::string& address) {
  const ListenAddress parsed = required_address(address);
  if (!parsed.is_unix()) {
    fd_ = bind_network(parsed, address);
    return;
  }
  remove_stale(parsed);
  fd_ = bind_unix(parsed, SOCK_STREAM, 0666);  // anybody may connect: who gets in is decided by the login
  path_ = parsed.path;
}

ListeningEnd::ListeningEnd(const std::string& address, UniqueFd bound)
    : fd_(std::move(bound)), path_(required_address(address).path) {}

// Who still accepts from it goes on for a moment.
ListeningEnd::~ListeningEnd() {
  drop_new_connections(fd());
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string ListeningEnd::address() const { return local_end_of(fd()).text(); }

void ListeningEnd::set_keepalive(std::chrono::milliseconds idle) const {
  if (!path_.empty()) return;
  using std::chrono::seconds;
  constexpr int kProbes = 4;
  const int idle_s = std::max(1, static_cast<int>(std::chrono::duration_cast<seconds>(idle).count()));
  const int interval_s = std::max(1, idle_s / kProbes);
  set_option(fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd(), IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  set_option(fd(), IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
  set_option(fd(), IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set_option(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, (idle_s + kProbes * interval_s) * 1000);
}

ListeningEnds bind_listeners(const Configuration& configuration, const Configuration* before, const ListeningEnds& bound) {
  ListeningEnds ends;
  for (const ListenerConfig& listener : configuration.listeners) {
    std::shared_ptr<ListeningEnd> end;
    for (std::size_t i = 0; before != nullptr && i < bound.size(); ++i) {
      if (is_same_place(before->listeners[i], listener)) end = bound[i];
    }
    if (!end) end = std::make_shared<ListeningEnd>(listener.address);
    ends.push_back(std::move(end));
  }
  for (std::size_t i = 0; i < ends.size(); ++i) ends[i]->set_keepalive(configuration.listeners[i].keepalive);
  return ends;
}

// Whoever holds the runtime directory's lock may take the name over from a starter that is dead.
UniqueFd bind_named(const std::string& path, uid_t owner, gid_t group, mode_t mode) {
  ::unlink(path.c_str());
  UniqueFd fd = bind_unix(required_address("unix:" + path), SOCK_SEQPACKET, mode);
  check(::lchown(path.c_str(), owner, group), "give " + path + " to its owner");
  return fd;
}

}  // namespace usher
