#include "sweep.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "dispatch.hpp"
#include "sweep_state.hpp"

namespace imgfilt {

constexpr int64_t kStream = 16 << 20;      // bytes of output that would only push other things out of the caches
constexpr int64_t kFirstCache = 32 << 10;  // bytes
constexpr int64_t kRowsAhead = 3;          // of the image, where its rows are read several times

Sweep::Sweep(const Program& program, const View& in, const View& out, Border border, double cval, int64_t first,
             int64_t last)
    : program_(program),
      in_(in),
      out_(out),
      border_(border),
      cval_(cval),
      first_(first),
      last_(last),
      row_(*kernels().row),
      lines_(program.nodes_.size()),
      loaded_(program.nodes_.size() == 2 && program.nodes_.back().rectangle.height > 0 && packed(in)),
      finite_outside_(border != Border::constant || std::isfinite(cval)),
      ahead_(in, out) {
    plan_planes();
    if (block_rows_ > 0)
        make_planes();
    else
        make_lines();
    make_columns();
    if (border == Border::constant)
        for (size_t i = 0; i < lines_.size(); ++i) make_constant(static_cast<int>(i));
    if (block_rows_ > 0) return;
    make_end_columns();
    for (size_t i = 1; i < lines_.size(); ++i) find_places(static_cast<int>(i));
    const Program::Node& result = program.nodes_.back();
    if (lines_.size() > 2 || loaded_) pieces_ = ahead_.pieces();
    if (result.column >= 0) pieces_ = (lines_.back().width * out.channels - 1) / strip(result) + 1;
    const bool blocks = result.column >= 0 || loaded_, by_last = fetches(result);
    const int64_t moments = blocks ? pieces_ * result.together : by_last ? pieces_ : (lines_.size() - 1) * pieces_;
    const int64_t rows = loaded_ ? kDenseRows : lines_[0].direct && lines_[0].depth > 1 ? kRowsAhead : 0;
    ahead_.cut(rows, moments, by_last);
}

void Sweep::make_lines() {
    block_ = take_block(program_.workspace(in_.width));
    char* next = block_.memory.get();
    const std::vector<int64_t> widths = program_.widths(in_.width);
    for (size_t i = 0; i < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        Line& line = lines_[i];
        line.width = widths[i];
        line.lead = pad_bytes(node.pad, op.channels, op.dtype);
        line.stride = line_bytes(node.pad, op.channels, op.dtype, line.width);
        line.depth = Program::depth(node);
        line.mask = std::has_single_bit(static_cast<uint64_t>(line.depth)) ? line.depth - 1 : kDivides;
        line.base = next;
        // Very many rows a multiple of a page apart would push each other out of the second cache.
        line.direct =
            i == 0 && packed(in_) && (line.depth <= 128 || in_.row % 4096 != 0) && (node.pad == 0 || has_ends());
        line.apart = line.direct && node.pad > 0;
        next += line.stride * (line.depth + 1);
        line.scratch = next;
        next += Program::scratch(node, line.width);
        line.rows.assign(static_cast<size_t>(line.depth), INT64_MIN);
        const size_t rows = static_cast<size_t>(node.rectangle.height);
        line.pointers.resize(std::max({op.taps.size() + kBlockRows - 1, rows + kDenseRows - 1, op.inputs.size()}));
    }
    far_ = next - block_.memory.get() > kFirstCache;
}

void Sweep::run() { return block_rows_ > 0 ? run_planes() : run_lines(); }

void Sweep::run_lines() {
    const int result = static_cast<int>(lines_.size()) - 1;
    for (size_t i = 0; i < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        lines_[i].next = first_ / node.up * node.step - node.reach;
        if (is_real(node)) lines_[i].next = std::max<int64_t>(0, lines_[i].next);
        if (node.block > 0) lines_[i].next -= ((lines_[i].next % node.block) + node.block) % node.block;
        lines_[i].sum = nullptr;
        lines_[i].bad = INT64_MIN;
        lines_[i].end = is_real(node) ? in_.height : (last_ - 1) / node.up * node.step + node.reach + 1;
    }
    const int64_t out_bytes = bytes_of_row(out_);
    // A last loop that fetches its own target writes there faster.
    const bool stream = packed(out_) && out_bytes * out_.height > kStream && !fetches(program_.nodes_.back());
    const bool in_place = packed(out_) && !stream;
    if (program_.nodes_.back().together > 1) return run_together(in_place, stream);
    int64_t from = last_, to = last_;
    if (program_.steady_) find_inner(from, to);
    for (int64_t y = first_; y < last_; ++y) {
        char* target = in_place ? out_.data + y * out_.row : slot(result, 0);
        if (in_place && y + 1 < last_) ahead_.announce_output(target + out_.row, out_bytes);
        if (y >= from && y < to) {
            if (y == from) prepare(y);
            steady_ = true;
            produce_steadily(y, target);
            steady_ = false;
        } else {
            produce(result, y, target);
        }
        if (stream)
            stream_row(target, out_.data + y * out_.row, out_bytes);
        else if (!in_place)
            store_row(out_, y, target);
    }
}

// The same where the last op makes several rows at once.
void Sweep::run_together(bool in_place, bool stream) {
    const int result = static_cast<int>(lines_.size()) - 1;
    const int together = program_.nodes_.back().together;
    const int64_t out_bytes = bytes_of_row(out_);
    for (int64_t y = first_; y < last_; y += together) {
        char* targets[kBlockRows];
        const int rows = static_cast<int>(std::min<int64_t>(together, last_ - y));
        for (int r = 0; r < rows; ++r) targets[r] = in_place ? out_.data + (y + r) * out_.row : slot(result, y + r);
        if (in_place && y + rows < last_)
            ahead_.announce_output(out_.data + (y + rows) * out_.row,
                                   std::min<int64_t>(together - 1, last_ - y - rows - 1) * out_.row + out_bytes);
        make_rows(result, y, targets, rows);
        for (int r = 0; r < rows && !in_place; ++r) {
            if (stream)
                stream_row(targets[r], out_.data + (y + r) * out_.row, out_bytes);
            else
                store_row(out_, y + r, targets[r]);
        }
    }
}

// Row `row` of op i's lines, made unless the ring holds it: rows that nobody asks for are never made.
const char* Sweep::produce_at(int i, int64_t row) {
    Line& line = lines_[i];
    char* target = slot(i, row);
    int64_t& held = line.rows[static_cast<size_t>(place(line, row))];
    if (held == row) return target;
    held = row;
    const int twin = program_.nodes_[static_cast<size_t>(i)].twin;
    if (twin >= 0) {
        produce_twins(i, twin, row);
        Line& other = lines_[static_cast<size_t>(twin)];
        other.rows[static_cast<size_t>(place(other, row))] = row;
    } else if (program_.nodes_[static_cast<size_t>(i)].together > 1) {
        produce_together(i, row);
    } else {
        produce(i, row, target);
        finish(i, row, target);
    }
    return target;
}

// Element 0 of row `row` of op i's lines, produced if need be.
const char* Sweep::read(int i, int64_t row) {
    const Program::Node& node = program_.nodes_[i];
    Line& line = lines_[i];
    if (line.direct) {
        const int64_t y = border_index(row, in_.height, border_);
        if (y > line.next) {
            line.next = y;
            ahead_.reach(y);
        }
        return y < 0 ? constant(i) : in_.data + y * in_.row;
    }
    if (is_real(node)) {
        row = border_index(row, in_.height, border_);
        if (row < 0) return constant(i);
    }
    if (node.op.kind == OpKind::slide) {  // a sum rests on that of the row before
        while (line.next < row) produce_at(i, line.next++);
        line.next = std::max(line.next, row + 1);
    }
    return produce_at(i, row);
}

// The rows of the result that need no row beyond the image's borders.
void Sweep::find_inner(int64_t& from, int64_t& to) const {
    const Program::Node& source = program_.nodes_.front();
    from = std::max(first_, (source.back + source.step - 1) / source.step * source.up);
    const int64_t below = in_.height - 1 - source.ahead;
    to = below < 0 ? from : std::min(last_, (below / source.step + 1) * source.up);
}

// Far from the borders each row of the result takes the next rows of each op (one where nothing is resized), those in
// their order, and finds all others where they were put: nothing is asked. `prepare` makes what the first such row
// finds.
void Sweep::prepare(int64_t y) {
    for (size_t i = 0; i + 1 < lines_.size(); ++i) {
        const Program::Node& node = program_.nodes_[i];
        Line& line = lines_[i];
        if (node.inside > 0) continue;
        // After the rows that the row before would have needed.
        line.steady = (y % node.up == 0 ? node.at(y) - node.step : node.at(y)) + node.ahead + 1;
        for (int64_t row = node.at(y) - node.back; row < line.steady; ++row) {
            read(static_cast<int>(i), row);
            if (line.apart) ends(row);
        }
        if (node.block > 0 && line.next < line.steady) read(static_cast<int>(i), line.steady - 1);
    }
}
void Sweep::produce_steadily(int64_t y, char* target) {
    const int result = static_cast<int>(lines_.size()) - 1;
    const int64_t step = program_.nodes_.front().step;
    // Of long rows that come several at a time each goes through all ops that have as many while it is near.
    for (int64_t left = far_ ? step - 1 : 0; left >= 0; --left)
        for (int i = 0; i < result; ++i) {
            const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
            if (node.inside > 0 || (left > 0 && node.step != step)) continue;
            Line& line = lines_[static_cast<size_t>(i)];
            const int64_t newest = node.at(y) + node.ahead;
            for (; line.steady <= newest - left; ++line.steady)
                if (node.step == 1 || node.wanted[static_cast<size_t>(newest - line.steady)])
                    produce_next(i, line.steady);
        }
    produce(result, y, target);
}
void Sweep::produce_next(int i, int64_t row) {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    Line& line = lines_[static_cast<size_t>(i)];
    int64_t& held = line.rows[static_cast<size_t>(place(line, row))];
    if (line.direct) {
        line.next = row;
        ahead_.reach(row);
        held = row;
        if (line.apart) copy_ends(row, slot(i, row));
        return;
    }
    if (node.together > 1) {
        if (held == row) return;
        held = row;
        return produce_together(i, row);
    }
    held = row;
    if (node.twin >= 0) {
        if (node.twin > i) produce_twins(i, node.twin, row);
        return;
    }
    if (node.op.kind == OpKind::slide) line.next = row + 1;
    char* made = slot(i, row);
    produce(i, row, made);
    finish(i, row, made);
}

void Sweep::find_places(int i) {
    const Op& op = program_.nodes_[static_cast<size_t>(i)].op;
    std::vector<Place>& places = lines_[static_cast<size_t>(i)].places;
    places.clear();
    for (const Tap& tap : op.taps) {
        const int input = op.inputs[static_cast<size_t>(tap.input)];
        const Line& line = lines_[static_cast<size_t>(input)];
        const int64_t column =
            tap.dx * int64_t{op.channels} * kSizeOf[static_cast<int>(program_.nodes_[input].op.dtype)];
        if (line.direct)
            places.push_back({in_.data + column, in_.row, -1, tap.dy});
        else if (line.mask != kDivides)
            places.push_back({line.base + line.lead + column, line.stride, line.mask, tap.dy});
        else
            return places.clear();
    }
}

void sweep(const Program& program, const View& in, const View& out, Border border, double cval, int64_t first,
           int64_t last) {
    Sweep(program, in, out, border, cval, first, last).run();
}

}  // namespace imgfilt
