// Sums of weighted rows, one row of the result at a time.
#include "sweep_state.hpp"

#include <algorithm>
#include <cstring>

namespace imgfilt {

void Sweep::taps(int i, int64_t y, char* out, int64_t n) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    if (node.rectangle.height > 0) return dense(i, y, &out, 1);
    const DType from = program_.nodes_[op.inputs[0]].op.dtype;
    const int phase = static_cast<int>(y % op.up);
    const int first = op.up == 1 ? 0 : node.phases[static_cast<size_t>(phase)];
    const int k = (op.up == 1 ? static_cast<int>(op.taps.size()) : node.phases[static_cast<size_t>(phase) + 1]) - first;
    const int64_t out_size = kSizeOf[static_cast<int>(op.dtype)], from_size = kSizeOf[static_cast<int>(from)];
    const int64_t at_ends = sum_ends(i, y, &out, 1);
    std::vector<const char*>& pointers = tap_pointers(i, op.up == 1 ? y * op.step : y / op.up * op.step, first, k);
    if (op.across > 1) return taps_across(i, pointers, k, out);
    if (at_ends > 0) {
        for (int t = 0; t < k; ++t) pointers[static_cast<size_t>(t)] += at_ends * from_size;
        out += at_ends * out_size;
        n -= 2 * at_ends;
    }
    // In pieces, so that fetching ahead is spread over the line.
    for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
        const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
        some_taps(node, from, pointers.data(), first, k, out + x * out_size, next - x);
        if (next == n) break;
        for (int t = 0; t < k; ++t) pointers[static_cast<size_t>(t)] += (next - x) * from_size;
        x = next;
    }
}

// Sums of every second pixel; those that become integers in pieces that are rounded while they are near.
void Sweep::taps_across(int i, std::vector<const char*>& pointers, int k, char* out) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int64_t width = lines_[i].width;
    const auto p = reinterpret_cast<const float* const*>(pointers.data());
    ahead_.part(pieces_);
    if (op.dtype == DType::f32)
        return row_.taps_apart_f32(p, node.weights32.data(), k, op.across, op.channels, as<float>(out), width);
    alignas(kAlign) float piece[kSums / sizeof(float)];
    const int64_t size = kSizeOf[static_cast<int>(op.dtype)], most = kSums / int64_t{sizeof(float)} / op.channels;
    const auto convert = row_.convert[static_cast<int>(DType::f32)][static_cast<int>(op.dtype)];
    for (int64_t x = 0; x < width; x += most) {
        const int64_t count = std::min(most, width - x);
        row_.taps_apart_f32(p, node.weights32.data(), k, op.across, op.channels, piece, count);
        convert(piece, op.affine, out + x * op.channels * size, count * op.channels);
        for (int t = 0; t < k; ++t)
            pointers[static_cast<size_t>(t)] += count * op.across * op.channels * int64_t{sizeof(float)};
    }
}

// Where the k taps from `first` of an op begin, its inputs' rows counted from `row`.
std::vector<const char*>& Sweep::tap_pointers(int i, int64_t row, int first, int k) {
    const Op& op = program_.nodes_[i].op;
    std::vector<const char*>& pointers = lines_[i].pointers;
    if (steady_ && !lines_[i].places.empty()) {
        const Place* places = lines_[i].places.data() + first;
        for (int t = 0; t < k; ++t)
            pointers[static_cast<size_t>(t)] =
                places[t].base + places[t].stride * ((row + places[t].row) & places[t].mask);
        return pointers;
    }
    const int64_t pixel = int64_t{op.channels} * kSizeOf[static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype)];
    int last_input = -1, last_dy = 0;
    const char* line = nullptr;
    for (int t = 0; t < k; ++t) {
        const Tap& tap = op.taps[static_cast<size_t>(first + t)];
        if (tap.input != last_input || tap.dy != last_dy) {
            line = input(op.inputs[static_cast<size_t>(tap.input)], row + tap.dy);
            last_input = tap.input;
            last_dy = tap.dy;
        }
        pointers[static_cast<size_t>(t)] = line + tap.dx * pixel;
    }
    return pointers;
}

// Loops with instructions enough to fetch between them. Where the last op has one the others leave it the work: they
// would wait the longer for their own lines.
bool Sweep::fetches(const Program::Node& node) {
    const Op& op = node.op;
    return (op.kind == OpKind::taps || op.kind == OpKind::gradient) && op.dtype == DType::u8 && op.across == 1 &&
           !op.narrow && !op.saturated && node.rectangle.height == 0;
}

// A part of a row of sums, and its part of the fetching.
void Sweep::some_taps(const Program::Node& node, DType from, const char* const* p, int first, int k, char* out,
                      int64_t n) {
    if (!fetches(node)) {
        ahead_.part(1);
        return sum_taps(node, from, p, first, k, out, n);
    }
    NextRows rows = ahead_.rows();
    fetching_taps(node, reinterpret_cast<const int16_t* const*>(p), first, k, as<uint8_t>(out), n, rows);
    ahead_.finish(rows);
}

void Sweep::fetching_taps(const Program::Node& node, const int16_t* const* p, int first, int k, uint8_t* out, int64_t n,
                          NextRows& rows) {
    const Op& op = node.op;
    const int16_t* w = node.weights16.data() + first;
    if (op.kind == OpKind::gradient)
        return row_.gradient_u8(p, w, op.size, k - op.size, static_cast<float>(op.scale), out, n, &rows);
    row_.taps_i16_u8(p, w, k, static_cast<int32_t>(op.init), op.shift, out, n, &rows);
}

// The sum of the k taps from `first`, whose elements are at `p`.
void Sweep::sum_taps(const Program::Node& node, DType from, const void* p, int first, int k, char* out, int64_t n) {
    const Op& op = node.op;
    const auto p16 = static_cast<const int16_t* const*>(p);
    const int16_t* w16 = node.weights16.data() + first;
    if (op.saturated && from == DType::u8)
        return row_.taps_saturated_u8(static_cast<const uint8_t* const*>(p), w16, k, static_cast<int16_t>(op.init),
                                      as<uint8_t>(out), n);
    if (op.saturated) return row_.taps_saturated_i16(p16, w16, k, static_cast<int16_t>(op.init), as<uint8_t>(out), n);
    if (from == DType::u8)
        return row_.taps_u8_i16(static_cast<const uint8_t* const*>(p), w16, k, static_cast<int16_t>(op.init),
                                as<int16_t>(out), n);
    if (op.kind == OpKind::gradient) return gradient(node, static_cast<const float* const*>(p), k, out, n);
    if (node.along && along(node, p, k, out, n)) return;
    if (from == DType::u16)
        return row_.taps_u16_f32(static_cast<const uint16_t* const*>(p), node.weights32.data() + first, k,
                                 static_cast<float>(op.init), as<float>(out), n);
    if (from == DType::f32)
        return row_.taps_f32(static_cast<const float* const*>(p), node.weights32.data() + first, k,
                             static_cast<float>(op.init), as<float>(out), n);
    if (from == DType::f64)
        return row_.taps_f64(static_cast<const double* const*>(p), node.weights64.data() + first, k, op.init,
                             as<double>(out), n);
    if (op.narrow)
        return row_.taps_narrow_u8(p16, w16, k, static_cast<int16_t>(static_cast<int32_t>(op.init)), op.shift,
                                   as<uint8_t>(out), n);
    if (op.dtype == DType::i32)
        return row_.taps_i16_i32(p16, w16, k, static_cast<int32_t>(op.init), as<int32_t>(out), n);
    return row_.taps_i16_i16(p16, w16, k, static_cast<int16_t>(op.init), as<int16_t>(out), n);
}

void Sweep::gradient(const Program::Node& node, const float* const* p, int k, char* out, int64_t n) {
    const Op& op = node.op;
    const float* w = node.weights32.data();
    const float scale = static_cast<float>(op.scale);
    if (op.dtype == DType::u16) return row_.gradient_f32_u16(p, w, op.size, k - op.size, scale, as<uint16_t>(out), n);
    row_.gradient_f32(p, w, op.size, k - op.size, scale, as<float>(out), n);
}

bool Sweep::along(const Program::Node& node, const void* p, int k, char* out, int64_t n) {
    const Op& op = node.op;
    if (op.dtype == DType::f32)
        return row_.along_f32(*static_cast<const float* const*>(p), node.weights32.data(), k, op.channels,
                              static_cast<float>(op.init), as<float>(out), n);
    return row_.along_f64(*static_cast<const double* const*>(p), node.weights64.data(), k, op.channels, op.init,
                          as<double>(out), n);
}

}  // namespace imgfilt
