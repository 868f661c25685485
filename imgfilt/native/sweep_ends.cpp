// Rows that are read where the image has them have nothing beyond their ends. Sums there are made of short lines in
// their stead: the row's first columns and its last ones side by side, and on both sides those beyond.
#include "sweep_state.hpp"

#include <algorithm>
#include <cstring>

#include "border.hpp"

namespace imgfilt {

constexpr int64_t kVector = 64;       // bytes of sums at the ends, which fill a vector of any instruction set
constexpr int64_t kLongRow = 2048;    // bytes that take longer to copy than their ends to be made apart
constexpr int64_t kLeastElement = 4;  // bytes: of smaller ones a copy costs less than loads that are not aligned

// Whether the image's rows are worth reading in place.
bool Sweep::has_ends() const {
    const Program::Node& node = program_.nodes_[0];
    const int64_t size = kSizeOf[static_cast<int>(in_.dtype)];
    if (!program_.reads_in_place_ || size < kLeastElement || in_.width < 4 * node.pad) return false;
    // Many rows a multiple of a page apart would push each other out of the first cache.
    return bytes_of_row(in_) >= kLongRow && (node.reach <= 1 || in_.row % 4096 != 0);
}

// The columns that a short line is made of: pad beyond the row, 2 pad at either end, pad beyond.
void Sweep::make_end_columns() {
    if (!lines_[0].apart) return;
    const Program::Node& source = program_.nodes_[0];
    const int64_t pad = source.pad, width = in_.width;
    const int64_t pixel = int64_t{source.op.channels} * kSizeOf[static_cast<int>(source.op.dtype)];
    for (int64_t j = 0; j < 6 * pad; ++j) {
        const int64_t column = j < 3 * pad ? j - pad : width - 5 * pad + j;
        end_columns_.push_back(std::max<int64_t>(0, border_index(column, width, border_)) * pixel);
    }
    if (border_ != Border::constant) return;
    for (int64_t row = 0; row < lines_[0].depth; ++row) {
        char* line = slot(0, row);
        std::memcpy(line - pad * pixel, constant(0), static_cast<size_t>(pad * pixel));
        std::memcpy(line + 4 * pad * pixel, constant(0), static_cast<size_t>(pad * pixel));
    }
}

template <size_t Size>
void Sweep::copy_end_columns(const char* row, char* line, int64_t pixel) const {
    const size_t bytes = Size > 0 ? Size : static_cast<size_t>(pixel);
    const size_t pad = static_cast<size_t>(program_.nodes_[0].pad), count = end_columns_.size();
    const size_t beyond = border_ == Border::constant ? pad : 0;
    char* to = line + (static_cast<int64_t>(beyond) - static_cast<int64_t>(pad)) * static_cast<int64_t>(bytes);
    for (size_t j = beyond; j < count - beyond; ++j, to += bytes) std::memcpy(to, row + end_columns_[j], bytes);
}

void Sweep::copy_ends(int64_t y, char* line) const {
    const char* row = in_.data + y * in_.row;
    const Op& op = program_.nodes_[0].op;
    const int64_t pixel = int64_t{op.channels} * kSizeOf[static_cast<int>(op.dtype)];
    switch (pixel) {
        case 1: return copy_end_columns<1>(row, line, pixel);
        case 2: return copy_end_columns<2>(row, line, pixel);
        case 3: return copy_end_columns<3>(row, line, pixel);
        case 4: return copy_end_columns<4>(row, line, pixel);
        case 8: return copy_end_columns<8>(row, line, pixel);
        case 12: return copy_end_columns<12>(row, line, pixel);
        case 16: return copy_end_columns<16>(row, line, pixel);
        default: return copy_end_columns<0>(row, line, pixel);
    }
}

// The short line of row `row` of the image, as `read` gives the row.
const char* Sweep::ends(int64_t row) {
    if (steady_) return slot(0, row);
    const int64_t y = border_index(row, in_.height, border_);
    if (y < 0) return constant(0);
    if (is_real(program_.nodes_[0])) row = y;
    Line& line = lines_[0];
    char* target = slot(0, row);
    int64_t& held = line.rows[static_cast<size_t>(place(line, row))];
    if (held != row) {
        held = row;
        copy_ends(y, target);
    }
    return target;
}

// The first and the last columns of rows of an op's sums; gives how many elements at either end.
int64_t Sweep::sum_ends(int i, int64_t row, char* const* targets, int rows) {
    const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
    const Op& op = node.op;
    if (node.beside == 0 || op.inputs[0] != 0 || !lines_[0].apart || constant_) return 0;
    const DType from = program_.nodes_[0].op.dtype;
    const int64_t size = kSizeOf[static_cast<int>(op.dtype)], from_size = kSizeOf[static_cast<int>(from)];
    const int64_t pixel = op.channels * from_size, inner = int64_t{program_.nodes_[0].pad} * op.channels;
    const int64_t n = std::max(4 * inner, kVector / std::min(size, from_size));
    const int64_t bytes = kVector + round_up(n * size, kAlign);
    std::vector<const char*>& p = lines_[static_cast<size_t>(i)].pointers;
    char* sums[kDenseRows];
    for (int r = 0; r < rows; ++r) sums[r] = lines_[0].scratch + r * bytes + kVector;
    if (node.rectangle.height > 0) {
        for (int t = 0; t < node.rectangle.height + rows - 1; ++t)
            p[static_cast<size_t>(t)] = ends(row + node.top + t) + node.left * pixel;
        sum_rectangle(node, p.data(), sums, rows, n);
    } else {
        const char* line = nullptr;
        for (size_t t = 0; t < op.taps.size(); ++t) {
            if (t == 0 || op.taps[t].dy != op.taps[t - 1].dy) line = ends(row + op.taps[t].dy);
            p[t] = line + op.taps[t].dx * pixel;
        }
        const int k = static_cast<int>(op.taps.size());
        NextRows none;
        if (fetches(node))
            fetching_taps(node, reinterpret_cast<const int16_t* const*>(p.data()), 0, k, as<uint8_t>(sums[0]), n, none);
        else
            sum_taps(node, from, p.data(), 0, k, sums[0], n);
    }
    // Whole vectors where they do: what is wrong in them is made again.
    const int64_t length = lines_[static_cast<size_t>(i)].width * op.channels * size, wanted = inner * size;
    for (int r = 0; r < rows; ++r) {
        char *const first = targets[r], *const last = targets[r] + length, *const from_last = sums[r] + 4 * wanted;
        if (wanted <= kVector) {
            std::memcpy(first, sums[r], kVector);
            std::memcpy(last - kVector, from_last - kVector, kVector);
        } else {
            std::memcpy(first, sums[r], static_cast<size_t>(wanted));
            std::memcpy(last - wanted, from_last - wanted, static_cast<size_t>(wanted));
        }
    }
    return inner;
}

}  // namespace imgfilt
