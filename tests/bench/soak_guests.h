// Those who come to an Usher for as long as a soak lasts, of every kind, and what becomes of each.
//
// Model:  a kind of guest is one thread that comes again and again. Whatever happens meanwhile, a guest is served, or told that
//         it is not, within its time: anything else is counted for what it is.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>


namespace usher::bench {

using Addresses = std::map<std::string, std::string>;  // by the listener's name

// cut: the connection ended in the middle; late: nothing came in time; strange: what came makes no sense.
enum class Fate : std::uint8_t { served, refused, cut, late, strange };
inline constexpr std::array kFates{"served", "refused", "cut", "late", "strange"};

class Guests {
 public:
  explicit Guests(Addresses addresses) : addresses_(std::move(addresses)) {}
  Guests(const Guests&) = delete;
  Guests& operator=(const Guests&) = delete;
  ~Guests() { leave(); }

  void come();
  // Returns when the last one has its answer.
  void leave();

  // Since they were first made.
  std::array<std::uint64_t, kFates.size()> fates() const;
  // What the first few said whose fate no guest should have.
  std::vector<std::string> complaints() const;

 private:
  using Visit = std::function<Fate()>;
  void add(Visit visit);
  void visit(const Visit& once);
  void complain(Fate fate, const std::string& what);

  const Addresses addresses_;
  std::atomic<bool> coming_{false};
  std::array<std::atomic<std::uint64_t>, kFates.size()> counts_{};
  mutable std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::vector<std::thread> threads_;
};

// One login with a program that ends by itself, at that listener. Errors: as Client has them.
void log_in_once(const Addresses& addresses, const std::string& listener);

}  // namespace usher::bench
