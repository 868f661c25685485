#include "area.hpp"

#include <vector>

#include "area_canny_driver.hpp"
#include "area_median_driver.hpp"
#include "area_rows.hpp"
#include "dispatch.hpp"
#include "pool.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kStreamBytes = 24 << 20;
constexpr int64_t kThreadBytes = 8 << 20;  // of a table: what another thread, which reads the image twice, pays for

int accumulator(DType dtype) {
    switch (dtype) {
        case DType::i32: return 0;
        case DType::i64: return 1;
        case DType::f64: return 2;
        default: return -1;
    }
}

// One stripe of the bilateral filter: a ring of extended rows, planar, in T.
template <class T>
void bilateral_stripe(const View& in, const View& out, int64_t radius, double colour, double spread, Border border,
                      double cval, int64_t begin, int64_t end) {
    const AreaKernels& area = *kernels().area;
    const int dtype = static_cast<int>(in.dtype);
    const auto load = sizeof(T) == 4 ? area.load_f32[dtype] : area.load_f64[dtype];
    const auto store = sizeof(T) == 4 ? area.store_f32[dtype] : area.store_f64[dtype];
    const auto filter = sizeof(T) == 4 ? area.bilateral_f32 : area.bilateral_f64;
    const int64_t channels = in.channels, height = 2 * radius + 1;

    struct Tap {
        int64_t row, dx;
    };
    std::vector<Tap> taps;
    std::vector<T> space;
    for (int64_t dy = -radius; dy <= radius; ++dy)
        for (int64_t dx = -radius; dx <= radius; ++dx)
            if (const int64_t square = dy * dy + dx * dx; square > 0 && square <= radius * radius) {
                taps.push_back({dy + radius, dx});
                space.push_back(static_cast<T>(spread * static_cast<double>(square)));
            }

    Planes planes(in, out);
    planes.count = static_cast<int>(channels), planes.step = 1;
    std::vector<Extended<T>> sources;
    for (int c = 0; c < channels; ++c) sources.emplace_back(in, planes, c, border, cval, load);

    constexpr int64_t kCache = 40 << 10;  // bytes of the ring that should stay near
    const int64_t wanted = kCache / (height * channels * static_cast<int64_t>(sizeof(T)));
    const int64_t chunk = std::min(in.width, round_up(std::max(wanted, 4 * radius + 64), 64));
    const int64_t pitch = round_up(chunk + 2 * radius + 64, 16);
    const Scratch<T> ring(height * channels * pitch), result(channels * round_up(chunk, 64));
    std::fill_n(ring.get(), height * channels * pitch, T(0));  // vectors read past the rows' ends
    std::vector<const void*> tap_rows(taps.size() * static_cast<size_t>(channels)), centre(channels);
    std::vector<void*> outputs(channels);
    std::vector<const T*> near(height);
    for (int64_t c = 0; c < channels; ++c) outputs[c] = result.get() + c * round_up(chunk, 64);

    for (int64_t x = 0; x < in.width; x += chunk) {
        const int64_t pixels = std::min(chunk, in.width - x);
        const auto at = [&](int64_t y, int64_t c) {
            return ring.get() + ((y + height) % height * channels + c) * pitch;
        };
        const auto prepare = [&](int64_t y) {
            for (int64_t c = 0; c < channels; ++c) sources[c].fetch(y, x - radius, x + pixels + radius, at(y, c));
        };
        for (int64_t y = begin - radius; y < begin + radius; ++y) prepare(y);
        for (int64_t y = begin; y < end; ++y) {
            prepare(y + radius);
            for (int64_t c = 0; c < channels; ++c) {
                for (int64_t i = 0; i < height; ++i) near[i] = at(y - radius + i, c) + radius;
                centre[c] = near[radius];
                for (size_t i = 0; i < taps.size(); ++i) tap_rows[i * channels + c] = near[taps[i].row] + taps[i].dx;
            }
            filter({tap_rows.data(), space.data(), centre.data(), outputs.data(), static_cast<int>(taps.size()),
                    static_cast<int>(channels), colour, in.dtype == DType::u8},
                   pixels);
            for (int64_t c = 0; c < channels; ++c)
                store(outputs[c], out.data + y * out.row + x * out.pixel + c * out.channel, out.pixel, pixels);
        }
    }
}

// Rows first .. last - 1 of the table below `above`, the table's row before them. Rows with gaps are copied.
// A table larger than the caches is written past them, beside a copy of the last row.
void integral_rows(const View& in, const View& out, void* above, int64_t first, int64_t last) {
    const AreaKernels& area = *kernels().area;
    const int dtype = static_cast<int>(in.dtype);
    const auto sum_rows = area.integral_rows[dtype][accumulator(out.dtype)];
    const int64_t in_size = kSizeOf[dtype], out_size = kSizeOf[static_cast<int>(out.dtype)];
    const int64_t n = in.width * in.channels, total = n + in.channels;
    const bool in_tight = Planes::tight(in), out_tight = Planes::tight(out);
    const bool integers = in.dtype != DType::f32 && in.dtype != DType::f64;
    const bool stream = integers && out_tight && out.height * total * out_size >= kStreamBytes &&
                        reinterpret_cast<uintptr_t>(out.data) % out_size == 0 && out.row % out_size == 0;
    const Scratch<char> row(in_tight ? 0 : n * in_size), sums(out_tight ? 0 : 2 * total * out_size);
    const auto copy = [](const char* from, int64_t from_step, char* to, int64_t to_step, int64_t count, int64_t size) {
        for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_step, from + i * from_step, size);
    };
    if (in_tight && out_tight) {
        sum_rows(in.data + first * in.row, in.row, above, out.data + (first + 1) * out.row, out.row, last - first,
                 static_cast<int>(in.channels), n, stream);
        first = last;
    }
    for (int64_t y = first; y < last; ++y) {
        const char* from = in.data + y * in.row;
        if (!in_tight) {
            for (int64_t c = 0; c < in.channels; ++c)
                copy(from + c * in.channel, in.pixel, row.get() + c * in_size, in.channels * in_size, in.width,
                     in_size);
            from = row.get();
        }
        char* to = out.data + (y + 1) * out.row;
        char* whole = out_tight ? to : sums.get() + (y & 1) * total * out_size;
        sum_rows(from, 0, above, whole, 0, 1, static_cast<int>(in.channels), n, stream);
        if (!out_tight)
            for (int64_t c = 0; c < in.channels; ++c)
                copy(whole + c * out_size, in.channels * out_size, to + c * out.channel, out.pixel, out.width,
                     out_size);
        if (!stream) above = whole;
    }
    if (stream) area.finish_streams();
}

// Exact sums: stripes whose first rows come from the columns' sums of the stripes above.
template <class A>
void integral_stripes(const View& in, const View& out, int threads) {
    const auto add_row = kernels().area->add_row[static_cast<int>(in.dtype)][accumulator(out.dtype)];
    const int64_t n = in.width * in.channels, total = n + in.channels;
    const int64_t bytes = out.height * total * static_cast<int64_t>(sizeof(A));
    threads = Planes::tight(in) ? static_cast<int>(std::min<int64_t>(threads, 1 + bytes / kThreadBytes)) : 1;
    const Stripes stripes(in.height, threads, 64);
    const Scratch<A> above(stripes.count * total);
    std::fill_n(above.get(), stripes.count * total, A(0));
    if (stripes.count > 1)
        parallel_for(stripes.count - 1, threads, [&](int i) {
            for (int64_t y = stripes.begin(i); y < stripes.end(i); ++y)
                add_row(in.data + y * in.row, above.get() + (i + 1) * total + in.channels, n);
        });
    for (int i = 1; i < stripes.count; ++i) {
        A* row = above.get() + i * total;
        for (int64_t x = in.channels; x < total; ++x) row[x] += row[x - in.channels];
        for (int64_t x = 0; x < total; ++x) row[x] += row[x - total];
    }
    parallel_for(stripes.count, threads,
                 [&](int i) { integral_rows(in, out, above.get() + i * total, stripes.begin(i), stripes.end(i)); });
}

// Sums that round: always the same order of additions, along rows first and then down columns. On one thread: to sum
// rows and columns in turn takes three times the memory traffic, and two threads longer than one.
void integral_rounded(const View& in, const View& out) {
    const int64_t total = out.width * out.channels;
    const Scratch<double> zeros(total);
    std::fill_n(zeros.get(), total, 0.0);
    integral_rows(in, out, zeros.get(), 0, in.height);
}

}  // namespace

void bilateral(const View& in, const View& out, int diameter, double sigma_color, double sigma_space, Border border,
               double cval, int threads) {
    check_same_size("bilateral", in, out);
    check_pixels("bilateral", in);
    if (in.dtype != out.dtype) throw std::invalid_argument("bilateral: input and output differ in type");
    if (diameter < 1)
        throw std::invalid_argument("bilateral: diameter is " + std::to_string(diameter) + ", must be positive");
    if (!(sigma_color > 0) || !(sigma_space > 0))
        throw std::invalid_argument("bilateral: sigmas are " + std::to_string(sigma_color) + " and " +
                                    std::to_string(sigma_space) + ", must be positive");
    if (in.height == 0 || in.width == 0 || in.channels == 0) return;
    constexpr double kLog2E = 1.44269504088896340736;
    const int64_t radius = std::max(1, diameter / 2);
    const double colour = -0.5 * kLog2E / (sigma_color * sigma_color),
                 spread = -0.5 * kLog2E / (sigma_space * sigma_space);
    const Stripes stripes(in.height, threads, 2 * radius);
    parallel_for(stripes.count, threads, [&](int i) {
        const auto stripe = in.dtype == DType::f64 ? bilateral_stripe<double> : bilateral_stripe<float>;
        stripe(in, out, radius, colour, spread, border, cval, stripes.begin(i), stripes.end(i));
    });
}

void integral(const View& in, const View& out, int threads) {
    check_same_size("integral", in, out, 1);
    const int to = accumulator(out.dtype);
    if (to < 0 || kernels().area->integral_rows[static_cast<int>(in.dtype)][to] == nullptr)
        throw std::invalid_argument("integral: integers are summed in i32, i64 or f64, floats in f64");
    const int64_t size = kSizeOf[static_cast<int>(out.dtype)];
    for (int64_t x = 0; x < out.width; ++x)
        for (int64_t c = 0; c < out.channels; ++c) std::memset(out.data + x * out.pixel + c * out.channel, 0, size);
    if (in.channels == 0) return;
    if (in.dtype == DType::f32 || in.dtype == DType::f64) return integral_rounded(in, out);
    switch (to) {
        case 0: return integral_stripes<int32_t>(in, out, threads);
        case 1: return integral_stripes<int64_t>(in, out, threads);
        default: return integral_stripes<double>(in, out, threads);
    }
}

}  // namespace imgfilt
