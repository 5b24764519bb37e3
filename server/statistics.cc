#include "server/statistics.h"

#include "base/log.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::chrono::seconds kWriteEvery{1};

}  // namespace

void ListenerStatistics::arrived(const Visitor& visitor) {
  figures_.change(visitor.counted_as_waiting, "waiting", visitor.dispatch == Dispatch::own ? 0 : 1);
  for (const char* key : {"accepted", "refused_busy", "refused_evicted"}) figures_.count(visitor.counted_as_waiting, key, 0);
  write_later();
}

void ListenerStatistics::taken(Visitor& visitor) {
  const std::string pool = visitor.counted_as_waiting;
  if (pool.empty()) return;
  stop_waiting(visitor);
  figures_.count(pool, "accepted");
  if (visitor.dispatch == Dispatch::own) return;  // when it was taken nobody has said
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - visitor.accepted_at);
  figures_.count(pool, "waited_ms", waited.count());
}

void ListenerStatistics::refused(const Visitor& visitor, Code code) {
  figures_.count(visitor.pool, code == Code::busy ? "refused_busy" : "refused_evicted");
  write_later();
}

void ListenerStatistics::wait_for_own_workers(const std::string& pool, std::size_t clients) {
  figures_.set(pool, "waiting", static_cast<std::int64_t>(clients));
  write_later();
}

void ListenerStatistics::left(Visitor& visitor) {
  if (!visitor.counted_as_waiting.empty()) stop_waiting(visitor);
}

void ListenerStatistics::go_on() {
  figures_.go_on_from(registry_->statistics());
  write_later();
}

void ListenerStatistics::reset() {
  figures_.reset();
  write();
}

void ListenerStatistics::stop_waiting(Visitor& visitor) {
  if (visitor.dispatch != Dispatch::own) figures_.change(visitor.counted_as_waiting, "waiting", -1);
  visitor.counted_as_waiting.clear();
  write_later();
}

void ListenerStatistics::write_later() {
  if (!figures_.changed() || timer_.pending()) return;
  timer_ = loop_.after(kWriteEvery, [this] { write(); });
}

// Figures that cannot be written now are written with the next ones.
void ListenerStatistics::write() try {
  if (!registry_ || !figures_.changed()) return;
  Registry::Update update(*registry_);
  update.put_statistics("listener", figures_.rows());
  update.commit();
} catch (const Error& error) {
  log::warning("statistics_not_written", {{"reason", error.what()}});
}

}  // namespace usher
