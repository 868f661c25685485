// Rows and columns outside the image.
#include "sweep_state.hpp"

#include <algorithm>
#include <cstring>

#include "border.hpp"
#include "dispatch.hpp"

namespace imgfilt {

// Of so many rows of an op's lines, one after the other.
void Sweep::extend(int i, int64_t row, char* line, int pad, int64_t rows) {
    const Program::Node& node = program_.nodes_[i];
    if (node.op.kind == OpKind::decimate) return;  // made like the others
    const int64_t size = int64_t{node.op.channels} * kSizeOf[static_cast<int>(node.op.dtype)];
    const int64_t stride = lines_[static_cast<size_t>(i)].stride;
    if (border_ == Border::constant) {
        for (int64_t r = 0; r < rows; ++r, line += stride) {
            const char* beyond = node.op.up == 1 ? constant(i) : phase_constant(i, row + r);
            std::memcpy(line - pad * size, beyond, static_cast<size_t>(pad * size));
            std::memcpy(line + in_.width * size, beyond, static_cast<size_t>(pad * size));
        }
        return;
    }
    switch (size) {  // calls of memcpy would take longer than their work
        case 1: return copy_columns<1>(pad, line, size, rows, stride);
        case 2: return copy_columns<2>(pad, line, size, rows, stride);
        case 3: return copy_columns<3>(pad, line, size, rows, stride);
        case 4: return copy_columns<4>(pad, line, size, rows, stride);
        case 6: return copy_columns<6>(pad, line, size, rows, stride);
        case 8: return copy_columns<8>(pad, line, size, rows, stride);
        case 12: return copy_columns<12>(pad, line, size, rows, stride);
        case 16: return copy_columns<16>(pad, line, size, rows, stride);
        default: return copy_columns<0>(pad, line, size, rows, stride);
    }
}
template <size_t Size>
void Sweep::copy_columns(int pad, char* line, int64_t size, int64_t rows, int64_t stride) const {
    const size_t bytes = Size > 0 ? Size : static_cast<size_t>(size);
    for (int64_t r = 0; r < rows; ++r, line += stride) {
        char *before = line, *after = line + in_.width * static_cast<int64_t>(bytes);
        for (int j = 0; j < pad; ++j) {
            before -= bytes;
            std::memcpy(before, line + left_[j] * static_cast<int64_t>(bytes), bytes);
            std::memcpy(after, line + right_[j] * static_cast<int64_t>(bytes), bytes);
            after += bytes;
        }
    }
}

void Sweep::make_columns() {
    int pad = 0;
    for (size_t i = 0; i < lines_.size(); ++i)
        if (!program_.nodes_[i].narrowed)
            pad = std::max({pad, program_.nodes_[i].pad, static_cast<int>(lines_[i].gap)});
    if (border_ == Border::constant) return;
    left_.resize(static_cast<size_t>(pad));
    right_.resize(static_cast<size_t>(pad));
    for (int j = 0; j < pad; ++j) {
        left_[j] = border_index(-1 - j, in_.width, border_);
        right_[j] = border_index(in_.width + j, in_.width, border_);
    }
}

// The same for a row of an op whose rows have several phases, far outside too.
const char* Sweep::phase_constant(int i, int64_t row) {
    const bool steady = steady_;
    steady_ = false;
    constant_ = true;
    produce(i, row % program_.nodes_[i].op.up, constant(i));
    constant_ = false;
    steady_ = steady;
    widen_constant(i);
    return constant(i);
}

// The line that stands for rows outside a constant border, and for columns: `pad` pixels at both ends too.
void Sweep::make_constant(int i) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    char* line = constant(i);
    const int64_t width = lines_[i].width, n = width * op.channels;
    const int size = kSizeOf[static_cast<int>(op.dtype)];
    if (i == 0 || op.stage) {
        Affine affine;
        affine.bias = cval_;
        const double zero = 0.0;
        char value[8];
        if (op.dtype == DType::i32) {
            const int32_t v = static_cast<int32_t>(cval_);
            std::memcpy(value, &v, sizeof v);
        } else {
            row_.convert[static_cast<int>(DType::f64)][static_cast<int>(op.dtype)](&zero, affine, value, 1);
        }
        for (int64_t x = 0; x < n; ++x) std::memcpy(line + x * size, value, static_cast<size_t>(size));
    } else {
        // Far outside, where every row and column that an op reads is constant.
        constant_ = true;
        produce(i, 0, line);
        constant_ = false;
    }
    widen_constant(i);
}

// Images may be narrower than what is read beyond their ends.
void Sweep::widen_constant(int i) {
    const Program::Node& node = program_.nodes_[i];
    const int64_t pixel = int64_t{node.op.channels} * kSizeOf[static_cast<int>(node.op.dtype)];
    char* line = constant(i);
    for (int64_t j = 0; j < std::max<int64_t>(node.pad, lines_[static_cast<size_t>(i)].gap); ++j) {
        std::memcpy(line - (j + 1) * pixel, line, static_cast<size_t>(pixel));
        std::memcpy(line + (lines_[i].width + j) * pixel, line, static_cast<size_t>(pixel));
    }
}

}  // namespace imgfilt
