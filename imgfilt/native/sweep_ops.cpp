// The ops that are no sums: the loop of each.
#include "sweep_state.hpp"

#include <bit>
#include <cstring>

#include "border.hpp"
#include "lines.hpp"

namespace imgfilt {

void Sweep::produce(int i, int64_t y, char* out) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int64_t width = lines_[i].width, n = width * op.channels;
    if (op.kind != OpKind::taps && op.kind != OpKind::gradient && !loaded_) ahead_.part(pieces_);
    switch (op.kind) {
        case OpKind::source: {
            const int64_t row = border_index(y, in_.height, border_);
            if (loaded_) ahead_.announce(row + kDenseRows);
            return load_row(in_, row, out);
        }
        case OpKind::convert: {
            const int from = static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype);
            return row_.convert[from][static_cast<int>(op.dtype)](input(op.inputs[0], y), op.affine, out, n);
        }
        case OpKind::luma:
            return row_.luma[static_cast<int>(op.dtype)](input(op.inputs[0], y),
                                                         program_.nodes_[op.inputs[0]].op.channels, out, width);
        case OpKind::taps:
        case OpKind::gradient: return taps(i, y, out, n);
        case OpKind::divide:
            return row_.divide_u16_u8(input_as<uint16_t>(op, 0, y), static_cast<uint16_t>(op.init),
                                      static_cast<uint16_t>(op.scale), op.shift, as<uint8_t>(out), n);
        case OpKind::slide: return slide(i, y, out, n);
        case OpKind::window: return window(i, y, out, n);
        case OpKind::magnitude: return magnitude(i, y, out, n);
        case OpKind::maximum: return maximum(i, y, out, n);
        case OpKind::combine: return combine(i, y, out, n);
        case OpKind::sharpen: return sharpen(i, y, out, n);
        case OpKind::premultiply:
            if (op.dtype == DType::f32)
                return row_.premultiply_f32(input_as<float>(op, 0, y), op.channels, static_cast<float>(op.full),
                                            as<float>(out), width);
            return row_.premultiply_f64(input_as<double>(op, 0, y), op.channels, op.full, as<double>(out), width);
        case OpKind::unpremultiply:
            if (op.dtype == DType::f32)
                return row_.unpremultiply_f32(input_as<float>(op, 0, y), op.channels, static_cast<float>(op.full),
                                              as<float>(out), width);
            return row_.unpremultiply_f64(input_as<double>(op, 0, y), op.channels, op.full, as<double>(out), width);
        case OpKind::linearize:
            if (op.dtype == DType::f32)
                return row_.linearize_f32(input_as<float>(op, 0, y), op.channels, op.absolute, op.full, as<float>(out),
                                          width);
            return row_.linearize_f64(input_as<double>(op, 0, y), op.channels, op.absolute, op.full, as<double>(out),
                                      width);
        case OpKind::delinearize:
            if (op.dtype == DType::f32)
                return row_.delinearize_f32(input_as<float>(op, 0, y), op.channels, op.absolute, op.full,
                                            as<float>(out), width);
            return row_.delinearize_f64(input_as<double>(op, 0, y), op.channels, op.absolute, op.full, as<double>(out),
                                        width);
        case OpKind::copy_alpha:
            if (op.dtype == DType::f32)
                return row_.copy_alpha_f32(input_as<float>(op, 0, y), input_as<float>(op, 1, y), op.channels,
                                           as<float>(out), width);
            return row_.copy_alpha_f64(input_as<double>(op, 0, y), input_as<double>(op, 1, y), op.channels,
                                       as<double>(out), width);
        case OpKind::decimate: return decimate(i, y, out, width);
        case OpKind::interleave: return interleave(i, y, out, width);
    }
}

void Sweep::decimate(int i, int64_t y, char* out, int64_t width) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int size = kSizeOf[static_cast<int>(op.dtype)], table = std::countr_zero(static_cast<unsigned>(size));
    const int64_t pixel = int64_t{op.channels} * size, pad = node.pad;
    const char* line = input(op.inputs[0], y * op.step);
    row_.decimate[table](line + (op.origin - pad * op.size) * pixel, op.size, op.channels, out - pad * pixel,
                         width + 2 * pad);
}

void Sweep::interleave(int i, int64_t y, char* out, int64_t width) {
    const Op& op = program_.nodes_[i].op;
    const int size = kSizeOf[static_cast<int>(op.dtype)], table = std::countr_zero(static_cast<unsigned>(size));
    const int64_t pixel = int64_t{op.channels} * size, whole = width - std::max(0, op.extra);
    row_.interleave[table](reinterpret_cast<const void* const*>(all_inputs<char>(i, y)), op.size, op.channels, out,
                           whole);
    for (int64_t x = whole; x < width; ++x)
        std::memcpy(out + x * pixel, out + (whole - 1) * pixel, static_cast<size_t>(pixel));
}

void Sweep::magnitude(int i, int64_t y, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const int k = static_cast<int>(op.inputs.size());
    if (op.dtype == DType::f32)
        return row_.magnitude_f32(all_inputs<float>(i, y), k, static_cast<float>(op.scale), as<float>(out), n);
    return row_.magnitude_f64(all_inputs<double>(i, y), k, op.scale, as<double>(out), n);
}

void Sweep::combine(int i, int64_t y, char* out, int64_t n) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int k = static_cast<int>(op.inputs.size());
    const float bias = static_cast<float>(op.bias);
    if (op.dtype == DType::f32)
        return row_.combine_f32(all_inputs<float>(i, y), node.weights32.data(), k, op.absolute, bias, as<float>(out),
                                n);
    if (op.dtype == DType::f64)
        return row_.combine_f64(all_inputs<double>(i, y), node.weights64.data(), k, op.absolute, op.bias,
                                as<double>(out), n);
    const Mixture how = {{node.weights32[0], node.weights32[1]}, bias, op.absolute};
    const char* const* p = all_inputs<char>(i, y);
    row_.mix_pixels[type_of(op.inputs[0])][type_of(op.inputs[1])][static_cast<int>(op.dtype)](p[0], p[1], how, out, n);
}

void Sweep::sharpen(int i, int64_t y, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const float amount = static_cast<float>(op.amount), threshold = static_cast<float>(op.threshold);
    if (op.dtype == DType::f32)
        return row_.sharpen_f32(input_as<float>(op, 0, y), input_as<float>(op, 1, y), amount, threshold, as<float>(out),
                                n);
    if (op.dtype == DType::f64)
        return row_.sharpen_f64(input_as<double>(op, 0, y), input_as<double>(op, 1, y), op.amount, op.threshold,
                                as<double>(out), n);
    const Sharpening how = {static_cast<float>(op.scale), static_cast<float>(op.bias), amount, threshold};
    const char* const* p = all_inputs<char>(i, y);
    row_.sharpen_pixels[type_of(op.inputs[0])][type_of(op.inputs[1])][static_cast<int>(op.dtype)](p[0], p[1], how, out,
                                                                                                  n);
}

void Sweep::maximum(int i, int64_t y, char* out, int64_t n) {
    const Op& op = program_.nodes_[i].op;
    const int k = static_cast<int>(op.inputs.size());
    if (op.dtype == DType::i16) return row_.maximum_i16(all_inputs<int16_t>(i, y), k, op.absolute, as<int16_t>(out), n);
    if (op.dtype == DType::f32) return row_.maximum_f32(all_inputs<float>(i, y), k, op.absolute, as<float>(out), n);
    return row_.maximum_f64(all_inputs<double>(i, y), k, op.absolute, as<double>(out), n);
}

}  // namespace imgfilt
