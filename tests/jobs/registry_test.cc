#include "jobs/registry.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/system.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Place {
  Place() { check(::mkdir(directory.path("db").c_str(), 0700), "mkdir"); }
  TemporaryDirectory directory;
};

Job job(std::uint32_t number, const std::string& pool = "generic") {
  Job job;
  job.id = JobId::random();
  job.number = number;
  job.owner = job.user = "usher";
  job.name = job.pool = pool;
  job.status = JobStatus::ready;
  job.pid = 4242;
  job.entered = job.since = 1'700'000'000'123;
  return job;
}

std::vector<Job> make_ready(Registry& registry, std::uint32_t first, std::uint32_t count, const std::string& pool = "generic") {
  std::vector<Job> jobs;
  Registry::Update update(registry);
  for (std::uint32_t i = 0; i < count; ++i) update.make_ready(jobs.emplace_back(job(first + i, pool)));
  update.commit();
  return jobs;
}

std::optional<JobId> assign(Registry& registry, const std::string& pool) {
  Registry::Update update(registry);
  const auto id = update.assign(pool);
  update.commit();
  return id;
}

}  // namespace

TEST_CASE("registry: what one process writes another reads, field by field") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  Job written = job(123);
  written.program = "echo";
  written.listener = "front";
  written.client = "192.0.2.7:40112";
  written.status = JobStatus::active;
  {
    Registry::Update update(pool);
    update.put(written);
    update.commit();
  }
  Registry other(place.directory.path(), Registry::Open::existing);
  REQUIRE(other.jobs().size() == 1);
  const Job read = other.jobs()[0];
  CHECK(read.id == written.id);
  CHECK(read.full_name() == "000123/usher/generic");
  CHECK(read.status == JobStatus::active);
  CHECK(read.program == "echo");
  CHECK(read.listener == "front");
  CHECK(read.client == "192.0.2.7:40112");
  CHECK(read.pid == 4242);
  CHECK(read.since == written.since);
  CHECK(other.find(123));
  CHECK_FALSE(other.find(124));
}

TEST_CASE("registry: the longest-ready worker of the pool is assigned, once") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  Registry listener(place.directory.path(), Registry::Open::existing);
  const auto jobs = make_ready(pool, 1, 2);
  make_ready(pool, 10, 1, "other");
  CHECK(assign(listener, "generic") == jobs[0].id);
  CHECK(assign(listener, "generic") == jobs[1].id);
  CHECK_FALSE(assign(listener, "generic"));
  CHECK(pool.find(1)->status == JobStatus::assigned);
  CHECK(pool.find(10)->status == JobStatus::ready);
}

TEST_CASE("registry: an assignment that is not committed has not happened") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  const auto jobs = make_ready(pool, 1, 1);
  {
    Registry::Update update(pool);
    CHECK(update.assign("generic") == jobs[0].id);
  }
  CHECK(pool.find(1)->status == JobStatus::ready);
  CHECK(assign(pool, "generic") == jobs[0].id);
}

TEST_CASE("registry: the id of a job that is gone is passed over") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  const auto jobs = make_ready(pool, 1, 2);
  {
    Registry::Update update(pool);
    update.remove(jobs[0].id);
    update.commit();
  }
  CHECK(assign(pool, "generic") == jobs[1].id);
}

TEST_CASE("registry: an id is withdrawn from the middle, and the others keep their order") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  const auto jobs = make_ready(pool, 1, 3);
  {
    Registry::Update update(pool);
    CHECK(update.withdraw("generic", jobs[1].id));
    CHECK_FALSE(update.withdraw("generic", jobs[1].id));
    update.commit();
  }
  CHECK(assign(pool, "generic") == jobs[0].id);
  CHECK(assign(pool, "generic") == jobs[2].id);
  CHECK_FALSE(assign(pool, "generic"));
}

TEST_CASE("registry: a watch becomes readable when a worker of its pool is ready") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  Registry listener(place.directory.path(), Registry::Open::existing);
  Watch watch = listener.watch_ready("generic");
  watch.arm();
  pollfd wait{watch.fd(), POLLIN, 0};
  make_ready(pool, 10, 1, "other");
  CHECK(::poll(&wait, 1, 20) == 0);
  const auto jobs = make_ready(pool, 1, 1);
  REQUIRE(::poll(&wait, 1, 10'000) == 1);
  Registry::Update update(listener);
  CHECK(update.assign("generic", watch) == jobs[0].id);
  update.commit();
}

TEST_CASE("registry: a worker is taken out of the queue in advance, and assigned when it has a client") {
  const Place place;
  Registry pool(place.directory.path(), Registry::Open::create);
  const auto jobs = make_ready(pool, 1, 2);
  {
    Registry::Update update(pool);
    CHECK(update.reserve("generic") == jobs[0].id);
    update.commit();
  }
  CHECK(pool.find(1)->status == JobStatus::ready);
  CHECK(pool.queued() == std::set<JobId>{jobs[1].id});
  SUBCASE("it has one") {
    Registry::Update update(pool);
    update.assign(jobs[0].id);
    update.commit();
    CHECK(pool.find(1)->status == JobStatus::assigned);
    CHECK(assign(pool, "generic") == jobs[1].id);
  }
  SUBCASE("none comes: it goes to the end of the queue") {
    Registry::Update update(pool);
    update.put_back("generic", jobs[0].id);
    update.commit();
    CHECK(assign(pool, "generic") == jobs[1].id);
    CHECK(assign(pool, "generic") == jobs[0].id);
  }
  SUBCASE("it is gone meanwhile") {
    Registry::Update update(pool);
    update.remove(jobs[0].id);
    update.put_back("generic", jobs[0].id);
    update.commit();
    CHECK(pool.queued() == std::set<JobId>{jobs[1].id});
  }
}

TEST_CASE("registry: none is there before it is made") {
  const Place place;
  try {
    Registry registry(place.directory.path(), Registry::Open::existing);
    FAIL("it opened");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::library_not_found);
  }
}
