#include "dataqueue/schema.h"

#include <algorithm>
#include <array>

#include "usher/error.h"

namespace usher {
namespace {

constexpr int kApplicationId = 0x55736872;  // "Ushr"

// As SQLite keeps them: one space between the words up to the name.
constexpr std::array kObjects{
    R"(CREATE TABLE library (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  number_limit INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE client_object (
  name TEXT PRIMARY KEY,
  schema TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID)",
    R"(CREATE TABLE queue (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  incarnation INTEGER NOT NULL,
  sequence TEXT NOT NULL CHECK (sequence IN ('fifo', 'lifo', 'keyed')),
  max_length INTEGER NOT NULL,
  key_length INTEGER NOT NULL,
  max_entries INTEGER NOT NULL,
  sender_id INTEGER NOT NULL,
  force INTEGER NOT NULL,
  text TEXT NOT NULL,
  max_deliveries INTEGER NOT NULL,
  dead_letter TEXT NOT NULL,
  counted INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE keyed_entry (
  queue INTEGER NOT NULL,
  key BLOB NOT NULL,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL,
  PRIMARY KEY (queue, key, number)
) STRICT, WITHOUT ROWID)",
    R"(CREATE TABLE lease (
  number INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  key BLOB NOT NULL,
  entry INTEGER NOT NULL,
  data BLOB NOT NULL,
  enqueued INTEGER NOT NULL,
  sender_job TEXT,
  sender_user TEXT,
  deliveries INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  holder INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT)",
    R"(CREATE VIEW data_queue_info AS
SELECT name AS data_queue_name,
  'STANDARD' AS data_queue_type,
  max_length AS maximum_message_length,
  upper(sequence) AS sequence,
  nullif(key_length, 0) AS key_length,
  iif(sender_id, 'YES', 'NO') AS include_sender_id,
  (SELECT count(*) FROM entry WHERE id BETWEEN queue.number << 46 AND ((queue.number + 1) << 46) - 1)
    + (SELECT count(*) FROM keyed_entry WHERE keyed_entry.queue = queue.number) AS current_messages,
  nullif(max_entries, 0) AS maximum_messages,
  iif(force, 'YES', 'NO') AS force,
  text AS text_description,
  (SELECT count(*) FROM lease WHERE lease.queue = queue.number) AS leased_messages,
  max_deliveries AS maximum_deliveries,
  nullif(dead_letter, '') AS dead_letter_queue
FROM queue)",
    R"(CREATE VIEW data_queue_entries AS
SELECT queue.name AS data_queue_name,
  row_number() OVER (PARTITION BY queue.number ORDER BY
    CASE queue.sequence WHEN 'lifo' THEN -entry.id ELSE entry.id END) AS ordinal_position,
  CAST(data AS TEXT) AS message_data,
  CAST(data AS TEXT) AS message_data_utf8,
  data AS message_data_binary,
  NULL AS key_data,
  NULL AS key_data_utf8,
  NULL AS key_data_binary,
  strftime('%Y-%m-%d %H:%M:%S', enqueued / 1000000, 'unixepoch') || printf('.%06d', enqueued % 1000000)
    AS message_enqueue_timestamp,
  sender_job AS sender_job_name,
  sender_user AS sender_current_user
FROM queue JOIN entry ON entry.id BETWEEN queue.number << 46 AND ((queue.number + 1) << 46) - 1
WHERE queue.sequence <> 'keyed'
UNION ALL
SELECT queue.name,
  row_number() OVER (PARTITION BY queue.number ORDER BY key, keyed_entry.number),
  CAST(data AS TEXT),
  CAST(data AS TEXT),
  data,
  CAST(key AS TEXT),
  CAST(key AS TEXT),
  key,
  strftime('%Y-%m-%d %H:%M:%S', enqueued / 1000000, 'unixepoch') || printf('.%06d', enqueued % 1000000),
  sender_job,
  sender_user
FROM queue JOIN keyed_entry ON keyed_entry.queue = queue.number)",
};

struct Object {
  std::string name;
  std::string table;
  std::string sql;
};

// Without what SQLite itself makes: indexes of PRIMARY KEY and UNIQUE, statistics.
std::vector<Object> objects_of(Database& database) {
  Statement statement = database.prepare(
      "SELECT name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      Database::Use::once);
  Rows rows = statement.query();
  std::vector<Object> objects;
  while (rows.next()) objects.push_back({rows.get<std::string>(0), rows.get<std::string>(1), rows.get<std::string>(2)});
  return objects;
}

std::optional<std::string> schema_of(Database& database, const std::string& object) {
  Statement statement = database.prepare("SELECT schema FROM client_object WHERE name = ?1", Database::Use::once);
  Rows rows = statement.query(object);
  return rows.next() ? std::optional(rows.get<std::string>(0)) : std::nullopt;
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::damaged, "the library file: " + what);
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// The statements of a schema as SQLite keeps them.
std::vector<std::string> texts_of(const ClientSchema& client) {
  Database scratch = Database::in_memory();
  scratch.execute(client.sql);
  std::vector<std::string> texts;
  for (Object& object : objects_of(scratch)) texts.push_back(std::move(object.sql));
  return texts;
}

void check_version(Database& database, const ClientSchema& client) {
  Statement statement = database.prepare(
      "SELECT version FROM client_object WHERE schema = ?1 AND version <> ?2 LIMIT 1", Database::Use::once);
  Rows rows = statement.query(client.name, client.version);
  if (!rows.next()) return;
  throw Error(ErrorCode::wrong_version, std::string("the library file: its tables of \"") + client.name +
                                            "\" have version " + rows.get<std::string>(0) + ", not " +
                                            std::to_string(client.version));
}

// Everything whose text is known must be there, and nothing else but what the file says is somebody else's, on tables
// of theirs.
void compare_objects(Database& database, const std::vector<std::string>& known,
                     const std::vector<ClientSchema>& clients) {
  const auto is_known_schema = [&](const std::string& name) {
    return std::any_of(clients.begin(), clients.end(), [&](const ClientSchema& client) { return name == client.name; });
  };
  std::size_t found = 0;
  for (const Object& object : objects_of(database)) {
    if (contains(known, object.sql)) {
      ++found;
      continue;
    }
    const auto schema = schema_of(database, object.name);
    if (!schema || !schema_of(database, object.table) || is_known_schema(*schema)) {
      refuse("\"" + object.name + "\" does not belong there");
    }
  }
  if (found != known.size()) refuse("a table is missing");
}

}  // namespace

std::string new_library_image() {
  Database database = Database::in_memory();
  database.execute("PRAGMA page_size = 4096; PRAGMA application_id = " + std::to_string(kApplicationId) +
                   "; PRAGMA user_version = " + std::to_string(kLibraryLayout));
  for (const char* sql : kObjects) database.execute(sql);
  database.execute("INSERT INTO library (one, number_limit) VALUES (1, 1)");
  std::string image = database.serialized();
  image.at(18) = image.at(19) =
      2;  // write-ahead log: a database in memory cannot say so.  Source: SQLite file format 1.3.3
  return image;
}

void check_schema(Database& database, const std::vector<ClientSchema>& clients) {
  if (database.value_of<int>("PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::damaged, "the file is no library of data queues");
  }
  const int layout = database.value_of<int>("PRAGMA user_version");
  if (layout != kLibraryLayout) {
    throw Error(ErrorCode::wrong_version,
                "the library file has layout " + std::to_string(layout) + ", not " + std::to_string(kLibraryLayout));
  }
  std::vector<std::string> known(kObjects.begin(), kObjects.end());
  for (const ClientSchema& client : clients) {
    check_version(database, client);
    if (!has_schema(database, client)) continue;
    for (std::string& text : texts_of(client)) known.push_back(std::move(text));
  }
  compare_objects(database, known, clients);
}

bool has_schema(Database& database, const ClientSchema& client) {
  Statement statement = database.prepare("SELECT 1 FROM client_object WHERE schema = ?1 LIMIT 1", Database::Use::once);
  return statement.query(client.name).next();
}

void add_schema(Database& database, const ClientSchema& client) {
  const std::size_t before = objects_of(database).size();
  database.execute(client.sql);
  const std::vector<Object> objects = objects_of(database);
  Statement insert = database.prepare("INSERT INTO client_object (name, schema, version) VALUES (?1, ?2, ?3)");
  for (std::size_t i = before; i < objects.size(); ++i) insert.run(objects[i].name, client.name, client.version);
}

}  // namespace usher
