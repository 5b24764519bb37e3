#include "jobs/registry.h"

#include "dataqueue/library_transaction.h"

namespace usher {
namespace {

// One row a living job; the columns are those of `usher jobs --json`.
constexpr ClientSchema kSchema{"usher-registry", 1, R"sql(
CREATE TABLE job (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  number INTEGER NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  user TEXT NOT NULL,
  program TEXT NOT NULL,
  listener TEXT NOT NULL,
  pool TEXT NOT NULL,
  client TEXT NOT NULL,
  pid INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  since INTEGER NOT NULL
) WITHOUT ROWID;
)sql"};

constexpr std::uint32_t kKeyLength = 32;  // the longest name of a pool

QueueAttributes ready_queue_attributes() {
  QueueAttributes attributes;
  attributes.sequence = Sequence::keyed;
  attributes.max_length = sizeof(JobId::bytes);
  attributes.key_length = kKeyLength;
  attributes.text = "workers that wait for a client";
  return attributes;
}

std::string_view bytes_of(const JobId& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};  // NOLINT: bytes as characters
}

JobId id_from(std::string_view bytes) {
  JobId id;
  if (bytes.size() != id.bytes.size()) throw Error(ErrorCode::damaged, "a job id in the registry has a wrong length");
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

}  // namespace
}  // namespace usher
