#include "tls/kernel.h"

#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "base/system.h"

namespace usher::tls {
namespace {

constexpr std::uint8_t kAlert = 21;
constexpr std::string_view kCloseNotify("\x01\x00", 2);  // warning, close_notify

// Libc's headers know neither of them everywhere.
constexpr int kLevelTls = 282;
constexpr int kUpperLayer = 31;  // TCP_ULP

int set(int connection, int direction, const CryptoInfo& info) {
  const auto bytes = info.bytes();
  return ::setsockopt(connection, kLevelTls, direction, bytes.data(), static_cast<socklen_t>(bytes.size()));
}

// What has no room yet the kernel keeps to itself, and an end of the connection would overtake it. So to send is to wait in
// the call, whatever mode a program has left the socket in.
bool wait_in_calls(int connection) noexcept {
  const int flags = ::fcntl(connection, F_GETFL);
  return flags >= 0 && ::fcntl(connection, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

// Ends calls that wait, from `deadline` on, which no time-out of the socket can: whoever else has the connection could change
// it. It rings on, because a call may begin just behind a ring.
class Bell {
 public:
  explicit Bell(Instant deadline) noexcept {
    struct sigaction silent {};
    silent.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &silent, &action_);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &alarm, &mask_);
    const int left = std::max(1, milliseconds_until(deadline));
    ring({{0, 100'000}, {left / 1000, left % 1000 * 1000L}});
  }
  ~Bell() {
    ring({});
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    ::sigaction(SIGALRM, &action_, nullptr);
  }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

 private:
  static void ring(const itimerval& when) noexcept { ::setitimer(ITIMER_REAL, &when, nullptr); }

  struct sigaction action_ {};
  sigset_t mask_{};
};

// What one call sends, or less than nothing.
template <class Call>
ssize_t send_until(Instant deadline, Call call) noexcept {
  ssize_t sent = -1;
  do {
    sent = call();
  } while (sent < 0 && errno == EINTR && Clock::now() < deadline);
  return sent;
}

bool send_text(int connection, std::string_view text, Instant deadline) noexcept {
  while (!text.empty()) {
    const ssize_t sent = send_until(deadline, [&] { return ::send(connection, text.data(), text.size(), MSG_NOSIGNAL); });
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool send_alert(int connection, std::string_view alert, Instant deadline) noexcept {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(1)> control{};
  iovec text{const_cast<char*>(alert.data()), alert.size()};  // NOLINT: only read
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* type = CMSG_FIRSTHDR(&message);
  type->cmsg_level = kLevelTls;
  type->cmsg_type = TLS_SET_RECORD_TYPE;
  type->cmsg_len = CMSG_LEN(1);
  *CMSG_DATA(type) = kAlert;
  const ssize_t sent = send_until(deadline, [&] { return ::sendmsg(connection, &message, MSG_NOSIGNAL); });
  return sent == static_cast<ssize_t>(alert.size());
}

std::string refusal(const std::string& what) {
  return what + ": " + std::generic_category().message(errno);
}

}  // namespace

template <class Layout>
void CryptoInfo::lay_out(Version version, std::uint16_t cipher, const DirectionKeys& keys) {
  Layout info{};
  info.info.version = version == Version::tls13 ? TLS_1_3_VERSION : TLS_1_2_VERSION;
  info.info.cipher_type = cipher;
  constexpr std::size_t kSalt = DirectionKeys::kIv - sizeof info.iv;
  static_assert(kSalt == sizeof info.salt && sizeof info.key <= sizeof keys.key);
  std::copy_n(keys.iv.begin(), kSalt, info.salt);
  std::copy_n(keys.iv.begin() + kSalt, sizeof info.iv, info.iv);
  std::copy_n(keys.key.begin(), sizeof info.key, info.key);
  for (unsigned i = 0; i < sizeof info.rec_seq; ++i) {
    info.rec_seq[i] = static_cast<unsigned char>(keys.sequence >> (56 - 8 * i));
  }
  static_assert(sizeof info <= sizeof bytes_);
  size_ = sizeof info;
  memcpy(bytes_.data(), &info, sizeof info);
  explicit_bzero(&info, sizeof info);
}

CryptoInfo::CryptoInfo(Version version, Cipher cipher, const DirectionKeys& keys) {
  switch (cipher) {
    case Cipher::aes_128_gcm:
      lay_out<tls12_crypto_info_aes_gcm_128>(version, TLS_CIPHER_AES_GCM_128, keys);
      break;
    case Cipher::aes_256_gcm:
      lay_out<tls12_crypto_info_aes_gcm_256>(version, TLS_CIPHER_AES_GCM_256, keys);
      break;
    case Cipher::chacha20_poly1305:
      lay_out<tls12_crypto_info_chacha20_poly1305>(version, TLS_CIPHER_CHACHA20_POLY1305, keys);
      break;
  }
}

// What is received comes first: the kernel learned that last.
std::string install(int connection, const TrafficKeys& keys) {
  const CryptoInfo received(keys.version, keys.cipher, keys.received);
  const CryptoInfo sent(keys.version, keys.cipher, keys.sent);
  if (::setsockopt(connection, IPPROTO_TCP, kUpperLayer, "tls", 3) != 0) return refusal("the kernel does not begin TLS");
  if (set(connection, TLS_RX, received) != 0) return refusal("the kernel does not take the keys");
  check(set(connection, TLS_TX, sent), "give the kernel the keys of what is sent");
  return "";
}

bool send_last_line(int connection, std::string_view line, Instant deadline) noexcept {
  const Bell bell(deadline);
  return wait_in_calls(connection) && send_text(connection, line, deadline) && send_alert(connection, kCloseNotify, deadline);
}

}  // namespace usher::tls
