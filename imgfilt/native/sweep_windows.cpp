// Running sums: down the columns, and along the rows.
#include "sweep_state.hpp"

#include <cstring>

namespace imgfilt {

// The running sum is the line of the row before, since lines are produced in order. What is not finite never leaves
// a running sum: where there is some, each row is summed anew.
void Sweep::slide(int i, int64_t y, char* out, int64_t n) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    Line& line = lines_[i];
    const int source = op.inputs[0];
    const int64_t bytes = n * kSizeOf[static_cast<int>(op.dtype)];
    const int64_t top = y - op.origin, last = top + op.size - 1;
    const bool anew = node.block > 0 && (y % node.block == 0 || line.bad >= top - 1);
    if (line.sum == nullptr || constant_ || anew) {
        std::memset(out, 0, static_cast<size_t>(bytes));
        for (int64_t row = top; row <= last; ++row) slide_row(i, row, input(source, row), nullptr, out, n);
    } else {
        const char* enter = input(source, last);
        const char* leave = input(source, top - 1);
        if (line.sum != out) std::memcpy(out, line.sum, static_cast<size_t>(bytes));
        slide_row(i, last, enter, leave, out, n);
    }
    if (!constant_) line.sum = out;
}

// Row `row` enters.
void Sweep::slide_row(int i, int64_t row, const char* enter, const char* leave, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    switch (program_.nodes_[op.inputs[0]].op.dtype) {
        case DType::u8:
            if (op.dtype == DType::u16)
                return row_.slide_u8_u16(reinterpret_cast<const uint8_t*>(enter),
                                         reinterpret_cast<const uint8_t*>(leave), as<uint16_t>(out), n);
            return row_.slide_u8_i32(reinterpret_cast<const uint8_t*>(enter), reinterpret_cast<const uint8_t*>(leave),
                                     as<int32_t>(out), n);
        case DType::u16:
            return row_.slide_u16_i32(reinterpret_cast<const uint16_t*>(enter),
                                      reinterpret_cast<const uint16_t*>(leave), as<int32_t>(out), n);
        case DType::i16:
            return row_.slide_i16_i32(reinterpret_cast<const int16_t*>(enter), reinterpret_cast<const int16_t*>(leave),
                                      as<int32_t>(out), n);
        default:
            if (!row_.slide_f32_f64(reinterpret_cast<const float*>(enter), reinterpret_cast<const float*>(leave),
                                    as<double>(out), n) &&
                !constant_)
                lines_[i].bad = std::max(lines_[i].bad, row);
    }
}

void Sweep::window(int i, int64_t y, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const int step = op.channels;
    const DType from = program_.nodes_[op.inputs[0]].op.dtype;
    const char* line = input(op.inputs[0], y) - int64_t{op.origin} * step * kSizeOf[static_cast<int>(from)];
    if (program_.runs_along(op)) return window_along(i, y, line, out, n);
    char* scratch = lines_[i].scratch;
    if (op.dtype == DType::f32)
        return row_.window_f32(reinterpret_cast<const float*>(line), op.size, step, as<float>(scratch), as<float>(out),
                               n);
    return row_.window_f64(reinterpret_cast<const double*>(line), op.size, step, as<double>(scratch), as<double>(out),
                           n);
}

// `line` is where the window of pixel 0 begins. Sums that no loop makes pixels of are rounded in pieces, while they
// are near.
void Sweep::window_along(int i, int64_t y, const char* line, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const Program::Node& input = program_.nodes_[op.inputs[0]];
    const DType from = input.op.dtype, sums = from == DType::f64 ? from : op.narrow ? DType::u16 : DType::i32;
    const int source = static_cast<int>(from), type = static_cast<int>(op.dtype);
    const bool finite = from != DType::f64 || (lines_[op.inputs[0]].bad < y - input.op.origin && finite_outside_);
    const auto sum = row_.window_sums[source][static_cast<int>(sums)];
    if (finite) {
        if (op.narrow && op.dtype == DType::u8)
            return row_.window_u16_u8(reinterpret_cast<const uint16_t*>(line), op.size, op.channels,
                                      static_cast<uint16_t>(op.init), static_cast<uint16_t>(op.scale), op.shift,
                                      as<uint8_t>(out), n);
        if (sums == op.dtype && op.affine.scale == 1.0 && op.affine.bias == 0.0)
            return sum(line, op.size, op.channels, out, n);
        if (const auto pixels = row_.window_pixels[source][type];
            pixels != nullptr && op.affine.rounding == Rounding::half_even)
            return pixels(line, op.size, op.channels, op.affine, out, n);
    }
    char* piece = lines_[i].scratch;
    const int64_t size = kSizeOf[static_cast<int>(sums)],
                  most = std::max(kSums / size / op.channels, int64_t{1}) * op.channels;
    for (int64_t x = 0; x < n; x += most) {
        const int64_t count = std::min(most, n - x);
        const char* at = line + x * kSizeOf[source];
        if (finite)
            sum(at, op.size, op.channels, piece, count);
        else
            sum_window(i, at, as<double>(piece), count);
        row_.convert[static_cast<int>(sums)][type](piece, op.affine, out + x * kSizeOf[type], count);
    }
}

// Windows of lines that are not all finite: pixel by pixel.
void Sweep::sum_window(int i, const char* line, double* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const std::vector<double> ones(static_cast<size_t>(op.size), 1.0);
    std::vector<const double*> pixels;
    for (int64_t t = 0; t < op.size; ++t) pixels.push_back(reinterpret_cast<const double*>(line) + t * op.channels);
    row_.taps_f64(pixels.data(), ones.data(), op.size, 0.0, out, n);
}

}  // namespace imgfilt
