// Sums of weighted rows, several rows of the result at a time: twins, blocks of rows, strips of columns, rectangles.
#include "sweep_state.hpp"

#include <algorithm>

namespace imgfilt {

constexpr int64_t kStrip = 8 << 10;  // bytes of a vertical sum's rows that stay in the first cache
constexpr int64_t kNarrowest = 512;  // elements of a strip: each costs some calls

// Row y of two vertical sums of the same rows.
void Sweep::produce_twins(int i, int j, int64_t y) {
    const Program::Node &a = program_.nodes_[i], &b = program_.nodes_[j];
    const int taps_a = static_cast<int>(a.op.taps.size()), taps_b = static_cast<int>(b.op.taps.size());
    std::vector<const char*>& p = tap_pointers(i, y, 0, taps_a);
    std::vector<const char*>& q = tap_pointers(j, y, 0, taps_b);
    char *to_a = slot(i, y), *to_b = slot(j, y);
    const int64_t n = lines_[i].width * a.op.channels;
    for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
        const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
        ahead_.part(2);
        row_.two_taps_u8_i16(reinterpret_cast<const uint8_t* const*>(p.data()), a.weights16.data(), taps_a,
                             as<int16_t>(to_a) + x, reinterpret_cast<const uint8_t* const*>(q.data()),
                             b.weights16.data(), taps_b, as<int16_t>(to_b) + x, next - x);
        if (next == n) break;
        for (const char*& pointer : p) pointer += next - x;
        for (const char*& pointer : q) pointer += next - x;
        x = next;
    }
    finish(i, y, to_a);
    finish(j, y, to_b);
}

// Row `row` of a sum and those after it that are not made yet.
void Sweep::produce_together(int i, int64_t row) {
    const Program::Node& node = program_.nodes_[i];
    Line& line = lines_[i];
    char* targets[kBlockRows] = {slot(i, row)};
    int rows = 1;
    for (; rows < node.together && row + rows < line.end; ++rows) {
        int64_t& held = line.rows[static_cast<size_t>(place(line, row + rows))];
        if (held == row + rows) break;
        held = row + rows;
        targets[rows] = slot(i, row + rows);
    }
    make_rows(i, row, targets, rows);
    for (int r = 0; r < rows; ++r) finish(i, row + r, targets[r]);
}

void Sweep::make_rows(int i, int64_t row, char* const* targets, int rows) {
    const Program::Node& node = program_.nodes_[i];
    if (node.rectangle.height > 0) return dense(i, row, targets, rows);
    if (node.column >= 0) return make_strips(i, row, targets, rows);
    const int64_t n = lines_[i].width * node.op.channels;
    begin_columns(i, row, targets, rows);
    for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
        const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
        ahead_.part(rows);
        more_columns(i, rows, next - x);
        x = next;
    }
}

// Rows of a vertical sum, so many elements more at a time.
void Sweep::begin_columns(int i, int64_t row, char* const* targets, int rows) {
    const Op& op = program_.nodes_[i].op;
    const int count = static_cast<int>(op.taps.size()) + rows - 1;
    std::vector<const char*>& p = lines_[i].pointers;
    for (int t = 0; t < count; ++t) p[static_cast<size_t>(t)] = input(op.inputs[0], row + op.taps[0].dy + t);
    std::copy_n(targets, rows, columns_);
}
void Sweep::more_columns(int i, int rows, int64_t n) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int k = static_cast<int>(op.taps.size());
    std::vector<const char*>& p = lines_[i].pointers;
    if (op.dtype == DType::i16)
        row_.columns_u8_i16(reinterpret_cast<const uint8_t* const*>(p.data()), node.weights16.data(), k,
                            static_cast<int16_t>(op.init), reinterpret_cast<int16_t* const*>(columns_), rows, n);
    else if (op.dtype == DType::f32)
        row_.columns_f32(reinterpret_cast<const float* const*>(p.data()), node.weights32.data(), k,
                         static_cast<float>(op.init), reinterpret_cast<float* const*>(columns_), rows, n);
    else
        row_.columns_f64(reinterpret_cast<const double* const*>(p.data()), node.weights64.data(), k, op.init,
                         reinterpret_cast<double* const*>(columns_), rows, n);
    const int64_t from_size = kSizeOf[static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype)];
    for (int t = 0; t < k + rows - 1; ++t) p[static_cast<size_t>(t)] += n * from_size;
    for (int r = 0; r < rows; ++r) columns_[r] += n * kSizeOf[static_cast<int>(op.dtype)];
}

// Elements of the strips in which a row of sums along the row, and the vertical sum below it, are made.
int64_t Sweep::strip(const Program::Node& node) const {
    const DType dtype = program_.nodes_[static_cast<size_t>(node.column)].op.dtype;
    return std::max(kNarrowest, (kStrip / (node.together * kSizeOf[static_cast<int>(dtype)])) & -kAlign);
}

// Rows of sums along the rows of a vertical sum: the strips of the latter are a little ahead, so that all that is
// read of them is there.
void Sweep::make_strips(int i, int64_t row, char* const* targets, int rows) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const Program::Node& column = program_.nodes_[static_cast<size_t>(node.column)];
    const DType dtype = column.op.dtype;
    const int64_t size = kSizeOf[static_cast<int>(dtype)], out_size = kSizeOf[static_cast<int>(op.dtype)];
    const int64_t n = lines_[i].width * op.channels, pixel = op.channels * size;
    const int64_t halo = round_up(int64_t{column.pad} * op.channels, kAlign);
    int64_t width = strip(node);
    // The columns beyond the first end are copies of those of the first strip, but where images are wrapped.
    if (border_ == Border::wrap || halo > width) width = n;
    const int k = static_cast<int>(op.taps.size());
    std::vector<const char*>& p = lines_[i].pointers;
    char* lines[kBlockRows];
    for (int r = 0; r < rows; ++r) lines[r] = slot(node.column, row + r);
    begin_columns(node.column, row, lines, rows);
    for (int64_t x = 0, made = 0; x < n;) {
        const int64_t next = n - x <= width + halo ? n : x + width, need = next == n ? n : next + halo;
        more_columns(node.column, rows, need - made);
        made = need;
        if (x == 0 || next == n)
            for (int r = 0; r < rows; ++r) finish(node.column, row + r, lines[r]);
        for (int r = 0; r < rows; ++r) {
            for (int t = 0; t < k; ++t)
                p[static_cast<size_t>(t)] = lines[r] + op.taps[static_cast<size_t>(t)].dx * pixel + x * size;
            some_taps(node, dtype, p.data(), 0, k, targets[r] + x * out_size, next - x);
        }
        x = next;
    }
}

// The sums under a rectangle of weights.
void Sweep::dense(int i, int64_t row, char* const* targets, int rows) {
    const Program::Node& node = program_.nodes_[i];
    const Op& op = node.op;
    const int64_t size = kSizeOf[static_cast<int>(op.dtype)];
    const int64_t from_size = kSizeOf[static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype)];
    const int64_t at_ends = sum_ends(i, row, targets, rows);
    std::vector<const char*>& p = lines_[i].pointers;
    const int64_t left = (int64_t{node.left} * op.channels + at_ends) * from_size;
    for (int t = 0; t < node.rectangle.height + rows - 1; ++t)
        p[static_cast<size_t>(t)] = input(op.inputs[0], row + node.top + t) + left;
    const int64_t n = lines_[i].width * op.channels - 2 * at_ends;
    // All pieces but the first begin where the image's columns do a cache line.
    const int64_t aligned =
        static_cast<int64_t>(reinterpret_cast<uintptr_t>(p[0] - left + at_ends * from_size) % kAlign) / from_size;
    const int64_t pieces = ahead_.parts() ? rows * pieces_ : 1;
    char* out[kDenseRows];
    for (int r = 0; r < rows; ++r) out[r] = targets[r] + at_ends * size;
    for (int64_t piece = 0, x = 0; piece < pieces; ++piece) {
        int64_t next = n * (piece + 1) / pieces / kDenseWidth * kDenseWidth - aligned;
        if (piece + 1 == pieces || n - next < kDenseWidth) next = n;  // the last piece is no short one
        ahead_.part(1);
        if (next <= x) continue;
        sum_rectangle(node, p.data(), out, rows, next - x);
        for (int t = 0; t < node.rectangle.height + rows - 1; ++t) p[static_cast<size_t>(t)] += (next - x) * from_size;
        for (int r = 0; r < rows; ++r) out[r] += (next - x) * size;
        x = next;
    }
}

void Sweep::sum_rectangle(const Program::Node& node, const char* const* p, char* const* out, int rows, int64_t n) {
    const Op& op = node.op;
    const auto p16 = reinterpret_cast<const int16_t* const*>(p);
    if (op.dtype == DType::u8)
        row_.dense_i16_u8(p16, node.pairs.data(), node.rectangle, static_cast<int32_t>(op.init), op.shift,
                          reinterpret_cast<uint8_t* const*>(out), rows, n);
    else if (op.dtype == DType::i32)
        row_.dense_i16_i32(p16, node.pairs.data(), node.rectangle, static_cast<int32_t>(op.init), 0,
                           reinterpret_cast<int32_t* const*>(out), rows, n);
    else if (op.dtype == DType::f32)
        row_.dense_f32(reinterpret_cast<const float* const*>(p), node.weights32.data(), node.rectangle,
                       static_cast<float>(op.init), reinterpret_cast<float* const*>(out), rows, n);
    else
        row_.dense_f64(reinterpret_cast<const double* const*>(p), node.weights64.data(), node.rectangle, op.init,
                       reinterpret_cast<double* const*>(out), rows, n);
}

}  // namespace imgfilt
