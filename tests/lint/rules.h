// What the compiler does not check, each rule a function from the repository to what is wrong with it.
#pragma once

#include "tests/lint/source_file.h"

namespace usher::lint {

// A folder uses only what the layer diagram allows it; tests may use anything, nothing uses tests.
Faults check_layers(const SourceTree& tree);
// Nothing that root runs reaches dataqueue/ or jobs/, on whatever way round.
Faults check_root_side(const SourceTree& tree);

// Dangerous calls stand only in the files of the table in call_rules.cc.
Faults check_calls(const SourceTree& tree);

Faults check_header_openings(const SourceTree& tree);
Faults check_file_lengths(const SourceTree& tree);
Faults check_left_over_notes(const SourceTree& tree);
Faults check_blanks(const SourceTree& tree);

// Each of the 25 rules of data queues has a test case that is named after it: "rule 7: ...".
Faults check_rule_cases(const SourceTree& tree);

// Links of documents to files and headings of the repository lead somewhere.
Faults check_links(const SourceTree& tree);

}  // namespace usher::lint
