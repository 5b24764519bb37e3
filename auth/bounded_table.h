// A table of names that strangers choose: it never has more than kBuckets * kWays entries, whatever they do.
//
// Model:  a name belongs to one bucket of kWays places; a new one takes the place of the entry there that is of least interest.
//         Which names share a bucket depends on a random number of this process, so nobody can aim at another's bucket.
// Shape:  Entry has a std::string `name` and `double interest(std::int64_t now_ms) const`; a name is at most kMaxName bytes.
#pragma once

#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace usher {

template <class Entry>
class BoundedTable {
 public:
  static constexpr std::size_t kWays = 16;
  static constexpr std::size_t kMaxName = 64;

  explicit BoundedTable(std::size_t buckets) : seed_(sizeof(std::uint64_t), '\0'), buckets_(buckets) {
    // Without it the table works all the same: it is only as good as any other number.
    [[maybe_unused]] const auto got = ::getrandom(seed_.data(), seed_.size(), GRND_NONBLOCK);
  }

  Entry* find(std::string_view name) {
    Bucket& bucket = bucket_of(name);
    const auto found = std::find_if(bucket.begin(), bucket.end(), [&](const Entry& entry) { return entry.name == name; });
    return found == bucket.end() ? nullptr : &*found;
  }

  // The entry of that name, made where there is none.
  Entry& at(std::string_view name, std::int64_t now_ms) {
    if (Entry* entry = find(name)) return *entry;
    Entry& place = free_place(bucket_of(name), now_ms);
    place = Entry{};
    place.name = name;
    return place;
  }

  // Removes those for which `unwanted` holds.
  void remove_if(const std::function<bool(const Entry&)>& unwanted) {
    for (Bucket& bucket : buckets_) std::erase_if(bucket, unwanted);
  }

  std::size_t size() const {
    std::size_t count = 0;
    for (const Bucket& bucket : buckets_) count += bucket.size();
    return count;
  }
  std::size_t capacity() const noexcept { return buckets_.size() * kWays; }

 private:
  using Bucket = std::vector<Entry>;

  Bucket& bucket_of(std::string_view name) {
    std::string seeded = seed_;
    seeded += name;
    return buckets_[std::hash<std::string>{}(seeded) % buckets_.size()];
  }

  static Entry& free_place(Bucket& bucket, std::int64_t now_ms) {
    if (bucket.size() < kWays) return bucket.emplace_back();
    return *std::min_element(bucket.begin(), bucket.end(), [now_ms](const Entry& one, const Entry& other) {
      return one.interest(now_ms) < other.interest(now_ms);
    });
  }

  std::string seed_;
  std::vector<Bucket> buckets_;
};

}  // namespace usher
