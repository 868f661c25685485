#include "program.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <stdexcept>

#include "dispatch.hpp"
#include "lines.hpp"
#include "pool.hpp"
#include "sweep.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kMinRowsPerStripe = 16;
constexpr int64_t kStripesPerThread = 8;
constexpr int kWidestRectangle = 64;
constexpr int64_t kLeastFilled = 2;  // every so-manyth place of a rectangle
constexpr int kLeastBlock = 128;
constexpr double kBytesInNanosecond = 50.0;     // that loops read and write
constexpr double kRowNanoseconds = 10.0;        // of an op, beside them
constexpr int64_t kMinWorkPerStripe = 3 << 18;  // bytes, of which a stripe more than threads is worth its while

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

bool real(DType t) { return t == DType::f32 || t == DType::f64; }

// Whether there is a loop for an op of these types.
bool has_loop(const Op& op, const std::vector<DType>& from) {
    const bool same = std::all_of(from.begin(), from.end(), [&](DType t) { return t == from[0]; });
    const int first = static_cast<int>(from[0]), to = static_cast<int>(op.dtype);
    const RowKernels& row = *kernels().row;
    switch (op.kind) {
        case OpKind::source: return false;
        case OpKind::convert: return row.convert[first][to] != nullptr;
        case OpKind::luma: return row.luma[to] != nullptr && from[0] == op.dtype;
        case OpKind::taps:
            if (!same) return false;
            if (op.saturated && op.dtype != DType::u8) return false;
            if (from[0] == DType::u8) return op.dtype == DType::i16 || op.saturated;
            if (from[0] == DType::u16) return op.dtype == DType::f32;
            if (op.across > 1) return from[0] == DType::f32 && row.convert[first][to] != nullptr;
            if (from[0] == DType::i16) return op.dtype == DType::i16 || op.dtype == DType::i32 || op.dtype == DType::u8;
            return real(op.dtype) && from[0] == op.dtype;
        case OpKind::gradient:
            if (!same || op.size < 0 || op.size > static_cast<int>(op.taps.size())) return false;
            if (from[0] == DType::i16) return op.dtype == DType::u8;
            return from[0] == DType::f32 && (op.dtype == DType::f32 || op.dtype == DType::u16);
        case OpKind::divide: return from[0] == DType::u16 && op.dtype == DType::u8;
        case OpKind::slide:
            if (op.dtype == DType::u16) return from[0] == DType::u8;
            if (op.dtype == DType::f64) return from[0] == DType::f32;
            return op.dtype == DType::i32 && (from[0] == DType::u8 || from[0] == DType::u16 || from[0] == DType::i16);
        case OpKind::window:
            if (op.narrow) return from[0] == DType::u16 && (op.dtype == DType::u16 || op.dtype == DType::u8);
            if (from[0] == DType::u16 || from[0] == DType::i32)
                return op.dtype == DType::i32 || row.convert[static_cast<int>(DType::i32)][to] != nullptr;
            return real(from[0]) && (from[0] == DType::f64 || from[0] == op.dtype) && row.convert[first][to] != nullptr;
        case OpKind::magnitude: return same && from[0] == op.dtype && real(op.dtype);
        case OpKind::decimate: return op.inputs.size() == 1 && from[0] == op.dtype;
        case OpKind::interleave: return same && from[0] == op.dtype && static_cast<int>(from.size()) == op.size;
        case OpKind::maximum: return same && from[0] == op.dtype && (op.dtype == DType::i16 || real(op.dtype));
        case OpKind::combine:
        case OpKind::sharpen: {
            if (same && from[0] == op.dtype && real(op.dtype)) return true;
            if (from.size() != 2) return false;
            const int second = static_cast<int>(from[1]);
            return op.kind == OpKind::sharpen ? row.sharpen_pixels[first][second][to] != nullptr
                                              : row.mix_pixels[first][second][to] != nullptr;
        }
        default: return same && from[0] == op.dtype && real(op.dtype);
    }
}

}  // namespace

Program::Program(std::vector<Op> given) {
    require(given.size() >= 2 && given[0].kind == OpKind::source,
            "a row program starts with its source and does something");
    for (size_t i = 0; i < given.size(); ++i) {
        const Op& op = given[i];
        require(i == 0 || !op.inputs.empty(), "an op needs an input");
        for (int input : op.inputs) require(input >= 0 && input < static_cast<int>(i), "an op reads only earlier ops");
        for (const Tap& t : op.taps)
            require(t.input >= 0 && t.input < static_cast<int>(op.inputs.size()), "a tap reads one of its op's inputs");
    }
    std::vector<Op> ops = fused(std::move(given));
    box_ = box_of(ops);
    for (size_t i = 0; i < ops.size(); ++i) {
        Node node;
        node.op = std::move(ops[i]);
        const Op& op = node.op;
        require(op.channels >= 1, "an op needs at least one channel");
        if (i > 0) {
            std::vector<DType> from;
            for (int input : op.inputs) from.push_back(nodes_[static_cast<size_t>(input)].op.dtype);
            require(has_loop(op, from), "there is no such op for these element types");
        }
        if (op.kind == OpKind::taps || op.kind == OpKind::gradient) {
            for (const Tap& t : op.taps) {
                node.weights16.push_back(static_cast<int16_t>(std::clamp(t.weight, -32768.0, 32767.0)));
                node.weights32.push_back(static_cast<float>(t.weight));
                node.weights64.push_back(t.weight);
            }
            require(
                std::is_sorted(op.taps.begin(), op.taps.end(), [](auto& a, auto& b) { return a.phase < b.phase; }) &&
                    (op.taps.empty() || (op.taps.front().phase >= 0 && op.taps.back().phase < op.up)),
                "taps are sorted by their phase, which is less than the number of phases");
            require(op.kind == OpKind::taps || op.up == 1, "a gradient has one phase");
            for (int phase = 0; phase <= op.up; ++phase)
                node.phases.push_back(static_cast<int>(
                    std::count_if(op.taps.begin(), op.taps.end(), [&](auto& t) { return t.phase < phase; })));
        }
        if (op.kind == OpKind::combine) {
            require(op.weights.size() == op.inputs.size(), "a combination needs one weight an input");
            for (double w : op.weights) node.weights32.push_back(static_cast<float>(w));
            node.weights64 = op.weights;
        }
        if (op.kind == OpKind::slide || op.kind == OpKind::window) require(op.size >= 1, "a sum needs a size");
        if (op.kind == OpKind::slide && op.dtype == DType::f64)
            node.block = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(kLeastBlock, 2 * op.size))));
        if (op.kind == OpKind::window)
            require(runs_along(op) || op.dtype == nodes_[static_cast<size_t>(op.inputs[0])].op.dtype,
                    "windows of reals that are no running sums keep their type");
        if (op.kind == OpKind::sharpen || op.kind == OpKind::copy_alpha)
            require(op.inputs.size() == 2, "this op has two inputs");
        if (op.kind == OpKind::decimate)
            require(op.size >= 1 && op.origin >= 0 && op.origin < op.size, "a phase is one of a positive number");
        require(op.up >= 1 && op.step >= 1, "rows cannot be enlarged or skipped less than once");
        nodes_.push_back(std::move(node));
    }
    find_reach();
}

// How far each line is read, and which of its rows belong to a row of the result, from the users back to the source.
void Program::find_reach() {
    for (size_t i = nodes_.size(); i-- > 1;) {
        const Op& op = nodes_[i].op;
        const int own = nodes_[i].reach;
        const bool resizes = op.up > 1 || op.step > 1;
        require(!resizes || own == 0, "rows beside a row that is made of others at a distance cannot be read");
        for (int input : op.inputs) {
            Node& in = nodes_[input];
            const int64_t up = nodes_[i].up * op.up, step = nodes_[i].step * op.step;
            require(in.readers == 0 || in.step * up == step * in.up, "an op's readers need it at the same rows");
            ++in.readers;
            in.up = up;
            in.step = step;
            in.reach = std::max(in.reach, resizes ? 1 : own);  // the result may end one row after the image
        }
        for (const Tap& t : op.taps) {
            Node& in = nodes_[op.inputs[t.input]];
            in.reach = std::max(in.reach, own + std::abs(t.dy));
            in.pad = std::max(in.pad, std::abs(t.dx));
            nodes_[i].beside = std::max(nodes_[i].beside, std::abs(t.dx));
        }
        if (op.kind == OpKind::slide)  // the row that leaves the sum is still read
            nodes_[op.inputs[0]].reach =
                std::max(nodes_[op.inputs[0]].reach, own + std::max(op.origin + 1, op.size - 1 - op.origin));
        if (op.kind == OpKind::window)
            nodes_[op.inputs[0]].pad =
                std::max({nodes_[op.inputs[0]].pad, op.origin + runs_along(op), op.size - 1 - op.origin});
        if (op.across > 1) nodes_[op.inputs[0]].pad += 1 + std::max(0, op.extra) * op.across;
        if (op.kind == OpKind::decimate)  // never 0: its loop reads beyond the line's end, which the image has not
            nodes_[op.inputs[0]].pad = std::max(
                {nodes_[op.inputs[0]].pad, 1, nodes_[i].pad * op.size + op.origin + std::max(0, op.extra) * op.size});
    }
    for (size_t i = 1; i < nodes_.size(); ++i) {
        Node& node = nodes_[i];
        node.narrowed = node.op.kind == OpKind::decimate || node.op.kind == OpKind::interleave || node.op.across > 1;
        for (int input : node.op.inputs) {
            require(node.op.kind != OpKind::interleave || input > 0, "what is interleaved has lines of its own");
            node.narrowed = node.narrowed || nodes_[input].narrowed;
        }
        require(!node.narrowed || node.pad == 0 || !nodes_[node.op.inputs[0]].narrowed,
                "pixels beyond the ends of a line whose width has changed are known from the line before alone");
        require(node.reach == 0 || node.step * nodes_[0].up == nodes_[0].step * node.up,
                "rows beside those that have been enlarged or skipped cannot be read");
    }
    for (const Node& node : nodes_) steady_ = steady_ && (node.up == 1 || node.step == 1);
    find_together();
    find_twins();
    find_window();
    if (steady_) find_wanted();
    reads_in_place_ = find_in_place();
}

// Sums of the image alone are made in two parts where columns beyond its ends are read.
bool Program::find_in_place() const {
    for (size_t i = 1; i < nodes_.size(); ++i) {
        const Op& op = nodes_[i].op;
        if (std::find(op.inputs.begin(), op.inputs.end(), 0) == op.inputs.end()) continue;
        const bool sums = op.kind == OpKind::taps && op.inputs.size() == 1 && op.up == 1 && op.step == 1;
        if (op.kind == OpKind::window || op.kind == OpKind::decimate || op.across > 1 ||
            (nodes_[i].beside > 0 && !sums))
            return false;
    }
    return true;
}

// How many rows the result's row needs, and how much its loops do.
void Program::find_window() {
    for (size_t i = nodes_.size(); i-- > 1;) {
        const Op& op = nodes_[i].op;
        const auto bytes = [&](int node) {
            const Op& line = nodes_[static_cast<size_t>(node)].op;
            return int64_t{line.channels} * kSizeOf[static_cast<int>(line.dtype)];
        };
        work_ += bytes(static_cast<int>(i));
        if (op.taps.empty())
            for (int input : op.inputs) work_ += bytes(input);
        for (const Tap& t : op.taps) work_ += bytes(op.inputs[static_cast<size_t>(t.input)]);
        if (nodes_[i].twin == static_cast<int>(i) - 1) {  // made together
            Node& first = nodes_[i - 1];
            first.ahead = nodes_[i].ahead = std::max(first.ahead, nodes_[i].ahead);
        }
        // A running sum is made of every row, of skipped ones too.
        if (op.kind == OpKind::slide)
            nodes_[i].back = std::max(nodes_[i].back, static_cast<int>(nodes_[i].step) - 1 - nodes_[i].ahead);
        const auto needs = [&](int input, int above, int below) {
            Node& in = nodes_[static_cast<size_t>(input)];
            in.back = std::max(in.back, nodes_[i].back + above);
            in.ahead = std::max(in.ahead, nodes_[i].ahead + below);
        };
        for (int input : op.inputs) needs(input, 0, 0);
        for (const Tap& t : op.taps)
            needs(op.inputs[static_cast<size_t>(t.input)], -t.dy, t.dy + nodes_[i].together - 1);
        if (op.kind == OpKind::slide) needs(op.inputs[0], op.origin + 1, op.size - 1 - op.origin);
    }
}

// Which rows are read at all where rows are skipped: every step-th has the same readers.
void Program::find_wanted() {
    const auto place = [](const Node& node, int64_t row) {  // of a row that is needed for row 0 of the result
        return static_cast<size_t>((((node.ahead - row) % node.step) + node.step) % node.step);
    };
    for (Node& node : nodes_) node.wanted.assign(static_cast<size_t>(node.step), node.step == 1);
    for (size_t i = nodes_.size(); i-- > 1;) {
        Node& node = nodes_[i];
        const Op& op = node.op;
        if (op.kind == OpKind::slide || node.together > 1) node.wanted.assign(node.wanted.size(), true);
        if (node.twin == static_cast<int>(i) - 1)  // made together, as many rows ahead
            for (size_t j = 0; j < node.wanted.size(); ++j)
                node.wanted[j] = nodes_[i - 1].wanted[j] = node.wanted[j] || nodes_[i - 1].wanted[j];
        for (size_t j = 0; j < node.wanted.size(); ++j) {
            if (!node.wanted[j]) continue;
            const int64_t row = (node.ahead - static_cast<int64_t>(j)) * op.step;
            const auto needs = [&](int input, int64_t at) {
                Node& in = nodes_[static_cast<size_t>(input)];
                in.wanted[place(in, at)] = true;
            };
            if (op.taps.empty())
                for (int input : op.inputs) needs(input, row);
            for (const Tap& t : op.taps) needs(op.inputs[static_cast<size_t>(t.input)], row + t.dy);
            if (op.kind == OpKind::slide) needs(op.inputs[0], row - op.origin - 1);
        }
    }
}

constexpr size_t kLong = 8;  // taps

// How many rows of a vertical sum are best made at once.
int Program::column_rows(const Node& node) const {
    const Op& op = node.op;
    const bool bytes = !op.inputs.empty() && nodes_[op.inputs[0]].op.dtype == DType::u8 && op.dtype == DType::i16;
    if (op.kind != OpKind::taps || !(real(op.dtype) || bytes) || op.inputs.size() != 1 || op.up != 1 || op.step != 1 ||
        op.taps.size() < 4 || node.up != 1 || node.step != 1)
        return 1;
    for (size_t t = 0; t < op.taps.size(); ++t)
        if (op.taps[t].dx != 0 || op.taps[t].dy != op.taps[0].dy + static_cast<int>(t)) return 1;
    // Lines of 16 bits are wanted in the first cache again soon.
    return real(op.dtype) ? kBlockRows : op.taps.size() < kLong ? 2 : 4;
}

// Whether an op sums 16-bit elements in 32 bits, and there is a loop that does so under rectangles.
bool Program::sums_pairs(const Op& op) const {
    return nodes_[static_cast<size_t>(op.inputs[0])].op.dtype == DType::i16 && !op.saturated && !op.narrow &&
           (op.dtype == DType::i32 || op.dtype == DType::u8) && kernels().row->dense_i16_u8 != nullptr;
}

// Taps that fill a rectangle row by row, or half of it at least, are one, the others' weights being 0.
void Program::find_rectangle(Node& node) {
    const std::vector<Tap>& taps = node.op.taps;
    const auto before = [](const Tap& a, const Tap& b) { return a.dy < b.dy || (a.dy == b.dy && a.dx < b.dx); };
    if (std::adjacent_find(taps.begin(), taps.end(), [&](auto& a, auto& b) { return !before(a, b); }) != taps.end())
        return;
    const auto [left, right] =
        std::minmax_element(taps.begin(), taps.end(), [](auto& a, auto& b) { return a.dx < b.dx; });
    const int height = taps.back().dy - taps.front().dy + 1, width = right->dx - left->dx + 1;
    const int64_t area = int64_t{height} * width, count = static_cast<int64_t>(taps.size());
    if (height < 2 || width < 2 || width > kWidestRectangle || kLeastFilled * count < area) return;
    node.rectangle = {height, width, node.op.channels, rows_in_run(width), count < area};
    node.top = taps.front().dy;
    node.left = left->dx;
    node.weights64.assign(static_cast<size_t>(area), 0.0);
    for (const Tap& tap : taps)
        node.weights64[static_cast<size_t>(tap.dy - node.top) * static_cast<size_t>(width) +
                       static_cast<size_t>(tap.dx - node.left)] = tap.weight;
    node.weights32.assign(node.weights64.begin(), node.weights64.end());
    if (real(node.op.dtype)) return;
    const auto weight = [&](int64_t place) {
        if (place < 0 || place >= area) return uint16_t{0};
        return static_cast<uint16_t>(static_cast<int16_t>(node.weights64[static_cast<size_t>(place)]));
    };
    for (int64_t place = -width; place < area; ++place)
        node.pairs.push_back(static_cast<int32_t>(uint32_t{weight(place + width)} << 16 | weight(place)));
}

// Sums whose loops have more than one row, or vector, in work.
void Program::find_together() {
    for (size_t i = nodes_.size(); i-- > 1;) {
        Node& node = nodes_[i];
        const Op& op = node.op;
        if (op.kind == OpKind::taps && op.inputs.size() == 1 && op.up == 1 && op.step == 1 && op.across == 1) {
            bool level = true, along = real(op.dtype) && op.taps.size() >= 4;
            for (size_t t = 0; t < op.taps.size(); ++t) {
                level = level && op.taps[t].dy == 0;
                along = along && op.taps[t].dx == op.taps[0].dx + static_cast<int>(t);
            }
            node.along = level && along;
            if ((real(op.dtype) || sums_pairs(op)) && !op.taps.empty() && node.up == 1 && node.step == 1)
                find_rectangle(node);
            if (node.rectangle.height > 0) node.together = kDenseRows;
            Node& input = nodes_[op.inputs[0]];
            const int rows = column_rows(input);
            // Of a long column the image's rows want the first cache more than the sums.
            if (level && rows > 1 && input.op.taps.size() < kLong && input.readers == 1 && !input.op.extended) {
                node.together = input.inside = rows;
                node.column = op.inputs[0];
            }
        }
        if (node.inside == 0 && i + 1 < nodes_.size()) node.together = std::max(node.together, column_rows(node));
        node.spare += node.together - 1;
        for (int input : op.inputs) nodes_[input].spare = std::max(nodes_[input].spare, node.spare);
    }
}

// The vertical sums of a gradient are of the same rows, which are then read and widened once for both.
void Program::find_twins() {
    const auto vertical = [](const Op& op) {
        return op.kind == OpKind::taps && !op.extended && op.dtype == DType::i16 && op.init == 0.0 && op.up == 1 &&
               op.step == 1 && std::all_of(op.taps.begin(), op.taps.end(), [](const Tap& t) { return t.dx == 0; });
    };
    for (size_t i = 0; i + 1 < nodes_.size(); ++i) {
        Node &first = nodes_[i], &second = nodes_[i + 1];
        if (first.twin < 0 && first.inside + second.inside == 0 && first.together == 1 && second.together == 1 &&
            vertical(first.op) && vertical(second.op) && first.op.inputs == second.op.inputs &&
            nodes_[first.op.inputs[0]].op.dtype == DType::u8 && first.reach == second.reach) {
            first.twin = static_cast<int>(i + 1);
            second.twin = static_cast<int>(i);
        }
    }
}

int64_t Program::depth(const Node& node) {
    const int64_t around = std::max<int64_t>(2 * int64_t{node.reach}, node.back + node.ahead);
    const int64_t rows = node.inside > 0 ? node.inside : around + 1 + node.spare;
    // Small rings have a power of two, so that a line's place is found without dividing.
    return rows <= 16 ? static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(rows))) : rows;
}

// Whether a window is the one of the pixel before, and what enters and leaves it: integers, and reals that were slid.
bool Program::runs_along(const Op& window) const {
    const Op& input = nodes_[static_cast<size_t>(window.inputs[0])].op;
    return !real(input.dtype) || input.kind == OpKind::slide;
}

int64_t Program::scratch(const Node& node, int64_t width) {
    if (node.op.kind == OpKind::source && node.pad > 0)  // sums at the ends of rows
        return kDenseRows *
               round_up((4 * std::min<int64_t>(node.pad, width) * node.op.channels + 2 * kAlign) * 8, kAlign);
    if (node.op.kind != OpKind::window) return 0;
    return std::max(kSums, round_up(8 * int64_t{node.op.channels}, kAlign)) +
           2 * line_bytes(0, node.op.channels, node.op.dtype, width + node.op.size) + kAlign;
}

int64_t Program::block() const {
    int64_t rows = 1;  // powers of two: the largest is a multiple of all
    for (const Node& node : nodes_) rows = std::max(rows, node.block);
    return rows;
}

std::vector<int64_t> Program::widths(int64_t width) const {
    std::vector<int64_t> found = {width};
    for (size_t i = 1; i < nodes_.size(); ++i) {
        const Op& op = nodes_[i].op;
        const int64_t own = found[static_cast<size_t>(op.inputs[0])];
        for (int input : op.inputs)
            require(found[static_cast<size_t>(input)] == own, "an op's inputs are of different widths");
        if (op.kind == OpKind::decimate || op.across > 1)
            found.push_back((own + (op.across * std::max(op.size, 1)) - 1) / (op.across * std::max(op.size, 1)) +
                            op.extra);
        else
            found.push_back(op.kind == OpKind::interleave ? own * op.size + op.extra : own);
        require(found.back() > 0, "an op's lines have no pixels");
    }
    return found;
}

int64_t Program::workspace(int64_t image_width) const {
    int64_t bytes = 0;
    const std::vector<int64_t> all = widths(image_width);
    for (size_t i = 0; i < nodes_.size(); ++i) {
        const Node& node = nodes_[i];
        const int64_t width = all[i];
        bytes += line_bytes(node.pad, node.op.channels, node.op.dtype, width) * (depth(node) + 1);
        bytes += scratch(node, width);
    }
    return bytes;
}

// One thread's pass over a stripe of rows.
void Program::run(const View& in, const View& rows, Border border, double cval, int threads, int64_t begin) const {
    const Op& first = nodes_.front().op;
    const Op& last = nodes_.back().op;
    require(in.dtype == first.dtype && in.channels == first.channels, "the image does not fit the program's source");
    require(rows.dtype == last.dtype && rows.channels == last.channels, "the output does not fit the program's result");
    require(in.height > 0 && in.width > 0 && rows.height > 0 && begin >= 0, "the image is empty");
    View out = rows;  // as a part of the whole result
    out.data -= begin * out.row;
    const Node& source = nodes_.front();
    const int64_t last_row = (begin + out.height - 1) / source.up * source.step;
    require(out.width == widths(in.width).back() && last_row <= in.height && (last_row < in.height || source.reach > 0),
            "the output's size is not what the program makes of the image");
    if (threads <= 0) threads = all_threads();
    const int64_t work = std::max(in.height * in.width, out.height * out.width) * work_;
    threads = worthwhile(static_cast<int>(std::min<int64_t>(threads, out.height)),
                         static_cast<double>(work) / kBytesInNanosecond +
                             kRowNanoseconds * static_cast<double>(nodes_.size()) * static_cast<double>(out.height));
    const bool as_box = box_ && packed(in) && packed(out);
    const auto stripe = [&](int64_t from, int64_t to) {
        if (as_box)
            box_stripe(*box_, in, out, border, cval, from, to);
        else
            sweep(*this, in, out, border, cval, from, to);
    };
    if (threads == 1) return stripe(begin, begin + out.height);
    // A few stripes a thread even out what else the machine does; each stripe costs its halo again.
    const int64_t least = std::max<int64_t>(kMinRowsPerStripe, 4 * int64_t{nodes_.front().reach});
    const int64_t unit = block(), blocks = (out.height + unit - 1) / unit;
    const int64_t most = std::min(out.height / least, work / kMinWorkPerStripe);
    const int64_t stripes = std::min(blocks, std::clamp<int64_t>(most, threads, int64_t{threads} * kStripesPerThread));
    const auto start = [&](int64_t s) { return begin + std::min(out.height, blocks * s / stripes * unit); };
    parallel_for(static_cast<int>(stripes), threads, [&](int s) { stripe(start(s), start(s + 1)); });
}

}  // namespace imgfilt
