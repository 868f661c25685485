// Images of short rows, where calls of the loops would take longer than the loops. Of each op there is a plane: its
// rows for a block of rows of the result, one after the other at a pitch that all ops share. What is the same for every
// column is made in one call for all of them, as if they were one long row. Between two rows lie the columns beyond
// their ends, which are made like any other or overwritten, so that a loop finds nothing that is no element of the op.
#include "sweep_state.hpp"

#include <algorithm>
#include <cstring>

#include "border.hpp"

namespace imgfilt {

constexpr int64_t kPlanes = 80 << 10;    // bytes of all planes together that stay near
constexpr int64_t kLeastRows = 16;       // of a block: of fewer the rows beyond it would cost more than is won
constexpr int64_t kWaste = 4 << 10;      // bytes of weighted columns between two rows that take as long as a call
constexpr int64_t kLong = 1 << 10;       // bytes of a row for which a call of its own is not much
constexpr int64_t kBeside = 2 * kAlign;  // bytes beside a plane that vectors may reach

// Whether each of its columns is made of the same column of its inputs alone.
static bool columnwise(const Op& op) {
    if (op.kind == OpKind::window || op.kind == OpKind::decimate || op.kind == OpKind::interleave) return false;
    return std::all_of(op.taps.begin(), op.taps.end(), [](const Tap& tap) { return tap.dx == 0; });
}

// How wide an op's lines are: so many times the image's width.
struct Scale {
    int64_t times = 1, over = 1;
};

void Sweep::plan_planes() {
    if (!program_.steady_) return;
    const std::vector<int64_t> widths = program_.widths(in_.width);
    std::vector<Scale> scales(lines_.size());
    int64_t pitch = 0, whole = 1;  // of the image's rows
    for (size_t i = 0; i < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        if (node.block > 0) return;  // a rounded running sum of doubles is best kept in one line
        if (i > 0 && std::find(node.wanted.begin(), node.wanted.end(), 0) != node.wanted.end()) return;
        Scale& scale = scales[i];
        if (i > 0) scale = scales[static_cast<size_t>(op.inputs[0])];
        if (op.kind == OpKind::interleave) scale.times *= op.size;
        if (op.kind == OpKind::decimate) scale.over *= op.size;
        scale.over *= op.across;
        whole = std::max(whole, scale.over);
        pitch = std::max(pitch, ((widths[i] + 2 * node.pad) * scale.over + scale.times - 1) / scale.times);
    }
    pitch = round_up(pitch, whole);
    int64_t row = 0, halo = 0;  // bytes
    for (size_t i = 0; i < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        Line& line = lines_[i];
        line.width = widths[i];
        line.pitch = pitch * scales[i].times / scales[i].over;
        const int64_t pixel = int64_t{node.op.channels} * kSizeOf[static_cast<int>(node.op.dtype)];
        const int64_t bytes = line.pitch * pixel;
        // These make several rows in a call, or one from the other, while they are near.
        if ((node.together > 1 || node.op.kind == OpKind::slide) && bytes > kLong) return;
        if (i + 1 == lines_.size() && line.width * pixel > kLong) continue;
        row += (bytes * node.step + node.up - 1) / node.up;
        halo += (2 * int64_t{node.reach} + 2) * bytes;
    }
    int64_t rows = std::min(last_ - first_, (kPlanes - halo) / row);
    if (rows < std::min(last_ - first_, std::max<int64_t>(kLeastRows, program_.nodes_.front().reach))) return;
    const int64_t blocks = (last_ - first_ + rows - 1) / rows;
    rows = (last_ - first_ + blocks - 1) / blocks;
    block_rows_ = blocks == 1 ? rows : round_up(rows, kBlockRows);
}

void Sweep::make_planes() {
    std::vector<int64_t> at;
    int64_t bytes = 0;
    for (size_t i = 0; i < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        Line& line = lines_[i];
        const int64_t pixel = op.channels * kSizeOf[static_cast<int>(op.dtype)];
        line.gap = (line.pitch - line.width + 1) / 2;
        line.stride = line.pitch * pixel;
        line.mask = -1;
        line.capacity = block_rows_ * node.step / node.up + node.step + 2 * int64_t{node.reach} + 4;
        at.push_back(bytes + kBeside + line.gap * pixel);
        bytes = round_up(at.back() + (line.capacity + 1) * line.stride + kBeside, kAlign);
        at.push_back(bytes);
        bytes += Program::scratch(node, line.pitch);
        const size_t height = static_cast<size_t>(node.rectangle.height);
        line.pointers.resize(std::max({op.taps.size() + kBlockRows - 1, height + kDenseRows - 1, op.inputs.size()}));
        line.wide = i == 0 || (i + 1 < lines_.size() && columnwise(op) && !(border_ == Border::constant && op.stage));
        for (int input : op.inputs) line.wide = line.wide && lines_[static_cast<size_t>(input)].wide;
        line.in_one = in_one(static_cast<int>(i));
        if (const int twin = node.twin; twin >= 0 && twin < static_cast<int>(i)) {
            Line& other = lines_[static_cast<size_t>(twin)];
            line.in_one = other.in_one = line.in_one && other.in_one;
        }
    }
    block_ = take_block(bytes);
    for (size_t i = 0; i < lines_.size(); ++i) {
        lines_[i].plane = block_.memory.get() + at[2 * i];
        lines_[i].scratch = block_.memory.get() + at[2 * i + 1];
        put(lines_[i], 0);
    }
}

// Whether all rows of an op's plane are made in one call.
bool Sweep::in_one(int i) const {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    const Op& op = node.op;
    const Line& line = lines_[static_cast<size_t>(i)];
    const int64_t pixel = op.channels * kSizeOf[static_cast<int>(op.dtype)];
    if (i + 1 == static_cast<int>(lines_.size()) && line.width * pixel > kLong) return false;
    if (op.kind == OpKind::slide || node.rectangle.height > 0 || (node.together > 1 && node.column < 0)) return false;
    if (op.up > 1 || op.step > 1 || op.extra != 0) return false;
    if (op.kind == OpKind::window && (op.dtype == DType::f32 || op.dtype == DType::f64 ||
                                      program_.nodes_[static_cast<size_t>(op.inputs[0])].op.dtype == DType::f64))
        return false;                                             // a rounded running sum begins with its row
    if (node.along && line.width * pixel < kAlign) return false;  // sums of so few are made in another order
    return 2 * line.gap * pixel * std::max<int64_t>(1, static_cast<int64_t>(op.taps.size())) <= kWaste;
}

// The first row of a plane is row `top` of the image.
void Sweep::put(Line& line, int64_t top) {
    line.base = line.plane - top * line.stride;
    line.depth = top + line.capacity;  // where the constant line is
}

void Sweep::run_planes() {
    const int result = static_cast<int>(lines_.size()) - 1;
    const bool in_place = packed(out_) && !lines_.back().in_one;
    steady_ = true;
    for (int64_t y = first_; y < last_; y += block_rows_) {
        const int64_t end = std::min(last_, y + block_rows_);
        for (size_t i = 0; i < lines_.size(); ++i) turn(static_cast<int>(i), y);
        for (int i = 0; i < result; ++i) {
            Line& line = lines_[static_cast<size_t>(i)];
            const int64_t from = line.made, to = program_.nodes_[static_cast<size_t>(i)].last_of(end - 1) + 1;
            line.made = to;
            make_plane(i, from, to);
        }
        if (in_place) {
            make_result(y, end);
        } else {
            make_rows_of(result, y, end);
            for (int64_t row = y; row < end; ++row) save_row(row, slot(result, row));
        }
        lines_.back().made = end;
    }
    steady_ = false;
}

// Keeps the rows of a plane that the block from row y of the result on needs, at its beginning.
void Sweep::turn(int i, int64_t y) {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    Line& line = lines_[static_cast<size_t>(i)];
    // The result of a resized image may end one row after it, where rows stand for others two further away.
    const Program::Node& image = program_.nodes_.front();
    const bool resized = (node.up > 1 || node.step > 1) && node.up == image.up && node.step == image.step;
    const int64_t top = node.at(y) - node.reach - (resized ? 2 : 0);
    if (y == first_) {
        put(line, top);
        line.made = top;
        line.sum = nullptr;
        line.bad = INT64_MIN;
    } else {
        // A running sum rests on that of the row before.
        const int64_t keep = node.op.kind == OpKind::slide ? std::min(top, line.made - 1) : top;
        const int64_t before = line.gap * (line.stride / line.pitch);
        if (line.made > keep)
            std::memmove(line.plane - before, slot(i, keep) - before,
                         static_cast<size_t>((line.made - keep) * line.stride));
        put(line, keep);
        line.made = std::max(line.made, keep);  // rows that no row of the result needs
    }
}

// Rows of an op with all that is read beside them.
void Sweep::make_plane(int i, int64_t from, int64_t to) {
    if (i > 0 && !is_real(program_.nodes_[static_cast<size_t>(i)])) {
        make_rows_of(i, from, to);
        return extend_rows(i, from, to);
    }
    const int64_t inner = std::clamp<int64_t>(0, from, to), end = std::clamp<int64_t>(in_.height, inner, to);
    if (i == 0)
        for (int64_t row = inner; row < end; ++row) load_row(in_, row, slot(0, row));
    else
        make_rows_of(i, inner, end);
    extend_rows(i, inner, end);
    const Line& line = lines_[static_cast<size_t>(i)];
    const int64_t before = line.gap * (line.stride / line.pitch);
    for (int64_t row = from; row < to; ++row) {
        if (row == inner) row = end;
        if (row == to) break;
        const int64_t other = border_index(row, in_.height, border_);
        if (border_ == Border::wrap) {  // that row may lie beyond the plane
            load_row(in_, other, slot(0, row));
            extend_rows(0, row, row + 1);
        } else {
            std::memcpy(slot(i, row) - before, (other < 0 ? constant(i) : slot(i, other)) - before,
                        static_cast<size_t>(line.stride));
        }
    }
}

// Rows of an op from its inputs' planes.
void Sweep::make_rows_of(int i, int64_t from, int64_t to) {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    Line& line = lines_[static_cast<size_t>(i)];
    if (from >= to || (node.twin >= 0 && node.twin < i)) return;
    const auto shift = [&](int64_t gaps) {
        for (Line& each : lines_) each.base += gaps * each.gap * (each.stride / each.pitch);
    };
    const int64_t width = line.width;
    if (line.wide) {
        shift(-1);
        line.width = line.pitch;
    }
    if (!line.in_one) find_places(i);
    if (line.sum != nullptr) line.sum = slot(i, from - 1);
    if (line.in_one) {
        line.width += (to - from - 1) * line.pitch;
        if (node.twin > i)
            produce_twins(i, node.twin, from);
        else
            produce(i, from, slot(i, from));
    } else if (node.together > 1 && node.column < 0) {
        for (int64_t row = from; row < to; row += node.together) {
            char* targets[kBlockRows];
            const int rows = static_cast<int>(std::min<int64_t>(node.together, to - row));
            for (int r = 0; r < rows; ++r) targets[r] = slot(i, row + r);
            make_rows(i, row, targets, rows);
        }
    } else {
        for (int64_t row = from; row < to; ++row)
            if (node.twin > i)
                produce_twins(i, node.twin, row);
            else
                produce(i, row, slot(i, row));
    }
    line.width = width;
    if (line.wide) shift(1);
}

// Rows of the result, where the image has them.
void Sweep::make_result(int64_t from, int64_t to) {
    const int result = static_cast<int>(lines_.size()) - 1;
    const Program::Node& node = program_.nodes_.back();
    const int together = node.column < 0 ? node.together : 1;
    find_places(result);
    for (int64_t row = from; row < to; row += together) {
        char* targets[kBlockRows];
        const int rows = static_cast<int>(std::min<int64_t>(together, to - row));
        for (int r = 0; r < rows; ++r) targets[r] = out_.data + (row + r) * out_.row;
        if (together > 1)
            make_rows(result, row, targets, rows);
        else
            produce(result, row, targets[0]);
    }
}

void Sweep::save_row(int64_t y, const char* made) {
    if (packed(out_))
        std::memcpy(out_.data + y * out_.row, made, static_cast<size_t>(bytes_of_row(out_)));
    else
        store_row(out_, y, made);
}

// Columns beyond both ends of rows that are no result of those beside them.
void Sweep::extend_rows(int i, int64_t from, int64_t to) {
    const Line& line = lines_[static_cast<size_t>(i)];
    if (from >= to || line.gap == 0 || (line.wide && i > 0)) return;
    if (program_.nodes_[static_cast<size_t>(i)].narrowed) {
        for (int64_t row = from; row < to; row += line.in_one ? std::max<int64_t>(1, to - 1 - from) : 1) fill(i, row);
        return;
    }
    const auto by = [&](int64_t row, int64_t pad, int64_t rows) {
        if (pad > 0) extend(i, row, slot(i, row), static_cast<int>(pad), rows);
    };
    if (!line.in_one || i == 0) return by(from, line.gap, to - from);
    by(from, program_.nodes_[static_cast<size_t>(i)].pad, to - from);
    by(from, line.gap, 1);
    by(to - 1, line.gap, 1);
}

// Beyond the ends of a line that is as wide as no image nothing is read but by vectors, which find its pixels there.
void Sweep::fill(int i, int64_t row) {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    const Line& line = lines_[static_cast<size_t>(i)];
    const int64_t pixel = line.stride / line.pitch, made = node.op.kind == OpKind::decimate ? node.pad : 0;
    char *first = slot(i, row) - made * pixel, *last = slot(i, row) + (line.width + made - 1) * pixel;
    for (int64_t j = made; j < line.gap; ++j, first -= pixel, last += pixel) {
        std::memcpy(first - pixel, first, static_cast<size_t>(pixel));
        std::memcpy(last + pixel, last, static_cast<size_t>(pixel));
    }
}

}  // namespace imgfilt
