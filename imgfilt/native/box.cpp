#include "box.hpp"

#include <algorithm>
#include <cstring>

#include "border.hpp"
#include "dispatch.hpp"
#include "lines.hpp"
#include "program.hpp"

namespace imgfilt {
namespace {

constexpr int kMostChannels = 4;
constexpr int kLongestDifference = 128;  // rows of bytes whose sums differ by 15 bits
constexpr int64_t kStream = 16 << 20;    // bytes of output that would only push other things out of the caches
constexpr int64_t kNear = 10 << 20;      // bytes of image and output that are near the processor anyhow
constexpr int64_t kMostAtOnce = 256;     // elements that loops have in work at once

auto loop_of(DType dtype) { return dtype == DType::u8 ? kernels().box->u8 : kernels().box->u16; }

// What makes the sums beyond a row's ends, where `place` is an element's in the planes: some elements of one plane at a
// time that are copies of some of one plane. Those on the left from right to left, those on the right the other way:
// what is too much in each is made anew by the next, and 0 in the end.
template <class Place>
std::vector<BoxEnd> ends_of(const Box& box, int64_t width, Border border, const Place& place) {
    const int64_t size = 2 * kSizeOf[static_cast<int>(box.dtype)], lanes = kBoxEnd / size;
    const int64_t n = width * box.channels, before = int64_t{box.origin} * box.channels,
                  after = int64_t{box.size - 1 - box.origin} * box.channels;
    const auto source = [&](int64_t element) {
        const int64_t x = (element + before) / box.channels - box.origin;
        return place(border_index(x, width, border) * box.channels + element - x * box.channels);
    };
    std::vector<BoxEnd> ends;
    const auto make = [&](int64_t first, int64_t last, int64_t step) {  // every other element
        for (int64_t e = first; step * (last - e) > 0;) {
            int64_t low = source(e), high = low, count = 1;
            for (int64_t next = e + step; count < lanes && step * (last - next) > 0; next += step, ++count) {
                const int64_t from = source(next);
                if (std::max(high, from) - std::min(low, from) >= lanes) break;
                low = std::min(low, from), high = std::max(high, from);
            }
            BoxEnd end;
            const int64_t leftmost = step > 0 ? e : e - 2 * (lanes - 1);
            end.to = place(leftmost) * size, end.from = low * size;
            for (int64_t i = 0; i < lanes; ++i)
                for (int64_t b = 0; b < size; ++b) {
                    const int64_t element = leftmost + 2 * i;
                    const bool made = step > 0 ? i < count : i >= lanes - count;
                    end.order[i * size + b] =
                        made ? static_cast<uint8_t>((source(element) - low) * size + b) : uint8_t{0x80};
                }
            ends.push_back(end);
            e += step * count;
        }
    };
    for (int64_t plane = 0; plane < 2; ++plane) {
        make(-1 - plane, -before - 1, -2);
        make(n + plane, n + after, 2);
    }
    return ends;
}

}  // namespace

std::optional<Box> box_of(const std::vector<Op>& ops) {
    if (ops.size() != 3 || ops[1].kind != OpKind::slide || ops[2].kind != OpKind::window) return {};
    const Op &source = ops[0], &columns = ops[1], &rows = ops[2];
    const bool bytes = source.dtype == DType::u8;
    if ((!bytes && source.dtype != DType::u16) || rows.dtype != source.dtype || loop_of(source.dtype) == nullptr)
        return {};
    if (columns.dtype != (bytes ? DType::u16 : DType::i32) || rows.inputs[0] != 1 || source.channels > kMostChannels ||
        columns.channels != source.channels || rows.channels != source.channels)
        return {};
    if (columns.origin < 0 || columns.origin >= columns.size || rows.origin < 0 || rows.origin >= rows.size) return {};
    Box box{source.dtype, source.channels, columns.size, columns.origin, rows.size, rows.origin};
    box.narrow = rows.narrow;
    if (rows.narrow) {
        box.add = static_cast<uint16_t>(rows.init);
        box.multiplier = static_cast<uint16_t>(rows.scale);
        box.shift = rows.shift;
        return box;
    }
    const Affine& affine = rows.affine;
    // Means only: no sum leaves the pixels' range.
    if (affine.bias != 0.0 || affine.rounding != Rounding::half_even || affine.scale < 0.0 ||
        affine.scale * columns.size * rows.size > 1.0 + 1e-6)
        return {};
    if (bytes && (box.channels % 2 == 0 || box.height > kLongestDifference)) return {};
    box.scale = affine.scale;
    box.wide = affine.wide;
    return box;
}

void box_stripe(const Box& box, const View& in, const View& out, Border border, double cval, int64_t first,
                int64_t last) {
    const int64_t size = kSizeOf[static_cast<int>(box.dtype)], n = in.width * box.channels;
    const int64_t count = last - first, before = int64_t{box.origin} * box.channels,
                  after = int64_t{box.size - 1 - box.origin} * box.channels;
    // Two planes of sums, each half as long as a row and what lies beyond it.
    const int64_t lead = round_up(before + int64_t{box.size} * box.channels + kMostAtOnce, 2 * kAlign) / 2;
    const int64_t plane = round_up((n + after + kMostAtOnce) / 2 + lead, kAlign) * 2 * size + kAlign;
    const int64_t bytes_of_row = n * size, line = round_up(bytes_of_row, kAlign) + kAlign;
    Block block = take_block(2 * plane + 2 * line);
    char *const even = block.memory.get() + lead * 2 * size, *const odd = even + plane;
    char *const outside = block.memory.get() + 2 * plane, *const target = outside + line;
    std::memset(block.memory.get(), 0, static_cast<size_t>(2 * plane));

    BoxRows job;
    const auto place = [&](int64_t element) { return (element & 1) * (plane / (2 * size)) + (element >> 1); };
    if (border == Border::constant) {
        Affine affine;
        affine.bias = cval;
        const double zero = 0.0;
        uint16_t value = 0;
        uint8_t byte = 0;
        const auto convert = kernels().row->convert[static_cast<int>(DType::f64)][static_cast<int>(box.dtype)];
        convert(&zero, affine, size == 1 ? static_cast<void*>(&byte) : &value, 1);
        if (size == 1) value = byte;
        for (int64_t x = 0; x < n; ++x)
            std::memcpy(outside + x * size, size == 1 ? static_cast<void*>(&byte) : &value, static_cast<size_t>(size));
        const uint32_t sum = uint32_t{value} * static_cast<uint32_t>(box.height);
        const auto narrow_sum = static_cast<uint16_t>(sum);
        for (int64_t e = before > 0 ? -before : n; e < n + after; e = e == -1 ? n : e + 1)
            std::memcpy(even + place(e) * 2 * size, size == 1 ? static_cast<const void*>(&narrow_sum) : &sum,
                        static_cast<size_t>(2 * size));
    }
    std::vector<BoxEnd> ends;
    if (border != Border::constant) ends = ends_of(box, in.width, border, place);
    std::vector<const char*> rows;
    rows.reserve(static_cast<size_t>(count + box.height));
    for (int64_t y = first - box.top; y < last - box.top + box.height - 1; ++y) {
        const int64_t row = border_index(y, in.height, border);
        rows.push_back(row < 0 ? outside : in.data + row * in.row);
    }

    job.rows = rows.data();
    job.n = n;
    job.height = box.height, job.size = box.size, job.origin = box.origin, job.channels = box.channels;
    job.ends = ends.data(), job.end_count = static_cast<int64_t>(ends.size());
    job.even = even, job.odd = odd;
    job.narrow = box.narrow, job.wide = box.wide;
    job.add = box.add, job.multiplier = box.multiplier, job.shift = box.shift;
    job.scale = box.scale;
    const int64_t all_bytes = bytes_of_row * out.height;
    if (2 * all_bytes > kNear) job.in_ahead = in.row;
    const auto loop = loop_of(box.dtype);
    if (all_bytes > kStream) {
        job.count = 1;
        job.out = target;
        for (int64_t y = first; y < last; ++y) {
            loop(job);
            stream_row(target, out.data + y * out.row, bytes_of_row);
            job.anew = false;
            ++job.rows;
        }
    } else {
        job.count = count;
        job.out = out.data + first * out.row;
        job.out_row = out.row;
        job.out_ahead = job.in_ahead > 0;
        loop(job);
    }
    give_back(std::move(block));
}

}  // namespace imgfilt
