// One end of a SOCK_SEQPACKET pair between two processes of Usher.
//
// Shape:  a packet is one message (base/message.h) with up to kMaxDescriptors descriptors in the same packet.
// Errors: ProtocolError when a packet or its descriptors were truncated; std::system_error for the rest.
// Secrets: the bytes of every packet are wiped when it goes, sent or received.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/message.h"
#include "base/unique_fd.h"

namespace usher {

inline constexpr std::size_t kMaxDescriptors = 16;

class Packet {
 public:
  Packet() = default;
  Packet(Packet&&) = delete;
  ~Packet() { explicit_bzero(bytes_.data(), size_); }

  std::uint8_t kind() const noexcept { return bytes_[0]; }
  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }
  std::size_t descriptors() const noexcept { return descriptors_; }
  // Is one of its descriptors one of the last that this process can have, so many margins before the end (base/shortage.h)?
  bool leaves_few_descriptors(unsigned margins) const noexcept;
  // Moves the nth descriptor out; n is below descriptors().
  UniqueFd take_descriptor(std::size_t n) noexcept { return std::move(fds_[n]); }

  template <class M>
  M as() const { return decode<M>(bytes()); }

 private:
  friend class Channel;
  std::array<std::uint8_t, kMaxMessage> bytes_;
  std::size_t size_ = 0;
  std::array<UniqueFd, kMaxDescriptors> fds_;
  std::size_t descriptors_ = 0;
};

enum class Received { packet, nothing, closed };

class Channel {
 public:
  Channel() noexcept = default;
  explicit Channel(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  void close() noexcept { fd_.reset(); }
  UniqueFd release() noexcept { return std::move(fd_); }

  // Sends without waiting. False when the peer is gone (or this end was closed) or its buffer is full: on the channels of Usher, where few messages
  // are ever under way, both mean that the peer no longer does its part.
  template <class M>
  [[gnu::noinline]] bool send(const M& message, std::span<const int> descriptors = {}) const {
    Encoded encoded(message);
    return send_bytes(encoded.bytes(), descriptors) == Sent::done;
  }
  template <class M>
  bool send(const M& message, int descriptor) const { return send(message, std::span<const int>(&descriptor, 1)); }

  // One packet if there is one. Descriptors that come are close-on-exec; more than `descriptors` of them is a ProtocolError,
  // and with 0 the kernel lets none in at all.
  Received receive(Packet& packet, std::size_t descriptors = kMaxDescriptors) const;
  // Waits for one in the system call itself: of several processes that wait so on one channel, a packet wakes one.
  Received receive_blocking(Packet& packet, std::size_t descriptors = kMaxDescriptors) const;
  // Waits for one until `deadline`; nothing when it passed.
  Received wait_receive(Packet& packet, Instant deadline, std::size_t descriptors = kMaxDescriptors) const;

  // Would the next packet bring descriptors? They stay where they are: who takes such a packet may have to wait for them, whether
  // he lets them in or not.
  bool brings_descriptors() const;

  enum class Sent { done, full, gone };
  Sent send_bytes(std::span<const std::uint8_t> bytes, std::span<const int> descriptors) const;

  class Encoded {
   public:
    template <class M>
    explicit Encoded(const M& message) : size_(encode(message, bytes_)) {}
    Encoded(Encoded&&) = delete;
    ~Encoded() { explicit_bzero(bytes_.data(), size_); }
    std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }

   private:
    std::array<std::uint8_t, kMaxMessage> bytes_;
    std::size_t size_;
  };

 private:
  Received receive(Packet& packet, std::size_t descriptors, int flags) const;

  UniqueFd fd_;
};

// Errors: ProtocolError when `fd` is anything but one end of such a pair.
void check_is_channel(int fd);

// Both ends, close-on-exec.
struct ChannelPair {
  Channel ours;
  Channel theirs;
};
ChannelPair make_channel();
// The same; empty when there is no memory for it now, or no descriptor but the last (base/shortage.h).
std::optional<ChannelPair> try_make_channel();

}  // namespace usher
