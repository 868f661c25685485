// Canny's edges of a whole image. Candidates and edges are kept as one bit per pixel; hysteresis spreads edges
// through 64 pixels at a time. The edges are all candidates connected with a strong one, whatever the order.
// The bits lie in the output's rows until these are written.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "area_rows.hpp"
#include "dispatch.hpp"
#include "pool.hpp"

namespace imgfilt {
namespace {

class EdgeMap {
  public:
    const int64_t height, words;  // words of a row

    explicit EdgeMap(const View& out)
        : height(out.height),
          words((out.width + 63) / 64),
          own_(out.pixel != 1 || (2 * words + 1) * kWord > out.width),
          memory_(own_ ? height * 2 * words : 0),
          base_(own_ ? reinterpret_cast<char*>(memory_.get()) : out.data),
          row_(own_ ? 2 * words * kWord : out.row) {}

    uint64_t* candidates(int64_t y) const {
        const uintptr_t row = reinterpret_cast<uintptr_t>(base_ + y * row_);
        return reinterpret_cast<uint64_t*>((row + kWord - 1) / kWord * kWord);
    }
    uint64_t* edges(int64_t y) const { return candidates(y) + words; }

  private:
    static constexpr int64_t kWord = sizeof(uint64_t);
    bool own_;  // the output's rows have no room
    Scratch<uint64_t> memory_;
    char* base_;
    int64_t row_;
};

// Spreads edges within rows begin .. end - 1.
class Spread {
  public:
    Spread(const EdgeMap& map, int64_t begin, int64_t end) : map_(map), begin_(begin), end_(end) {}

    // Lets the edges of a row spread.
    void start(int64_t y) {
        for (int64_t w = 0; w < map_.words; ++w)
            if (const uint64_t edges = map_.edges(y)[w]; edges != 0) {
                reach(y, w, edges << 1 | edges >> 1);
                work_.emplace_back(y, w);
            }
        run();
    }

  private:
    void run() {
        while (!work_.empty()) {
            const auto [y, w] = work_.back();
            work_.pop_back();
            const uint64_t edges = map_.edges(y)[w];
            const uint64_t near = edges | edges << 1 | edges >> 1;
            for (int64_t row = std::max(begin_, y - 1); row < std::min(end_, y + 2); ++row) {
                if (row != y) reach(row, w, near);
                if ((edges & 1) != 0 && w > 0) reach(row, w - 1, uint64_t(1) << 63);
                if (edges >> 63 != 0 && w + 1 < map_.words) reach(row, w + 1, 1);
            }
        }
    }

    void reach(int64_t y, int64_t w, uint64_t bits) {
        const uint64_t open = map_.candidates(y)[w];
        uint64_t& edges = map_.edges(y)[w];
        uint64_t fresh = bits & open & ~edges;
        if (fresh == 0) return;
        for (uint64_t before = 0; fresh != before;) {
            before = fresh;
            fresh |= (fresh << 1 | fresh >> 1) & open;
        }
        edges |= fresh;
        work_.emplace_back(y, w);
    }

    const EdgeMap& map_;
    int64_t begin_, end_;
    std::vector<std::pair<int64_t, int64_t>> work_;
};

// Gradient and thinning of rows begin .. end - 1. T: elements; G: gradients.
template <class T, class G>
void canny_rows(const View& in, double low, double high, Border border, double cval, int64_t begin, int64_t end,
                const EdgeMap& map) {
    const AreaKernels& area = *kernels().area;
    const int dtype = static_cast<int>(in.dtype);
    Planes planes(in, in);
    planes.count = planes.step = 1;
    const auto load = sizeof(T) == 1   ? area.load_key[dtype]
                      : sizeof(T) == 4 ? area.load_f32[dtype]
                                       : area.load_f64[dtype];
    const Extended<T> source(in, planes, 0, border, cval, load);
    const int64_t pitch = round_up(in.width + 2, 64) + 128;
    const Scratch<T> pixels(3 * pitch);
    const Scratch<G> gx(3 * pitch), gy(3 * pitch), magnitude(3 * pitch);
    // Vectors read past the rows' ends: what lies there is 0 from here on.
    for (const auto* ring : {&gx, &gy, &magnitude}) std::fill_n(ring->get(), 3 * pitch, G(0));
    const auto slot = [pitch](const auto& ring, int64_t y) { return ring.get() + (y + 3) % 3 * pitch; };
    const auto centre = [&](int64_t y) { return slot(magnitude, y) + 64; };
    const auto fetch = [&](int64_t y) { source.fetch(y, -1, in.width + 1, slot(pixels, y)); };
    const auto gradient = [&](int64_t y) {
        if (y < 0 || y >= in.height) {
            std::fill_n(centre(y), in.width, G(0));
            return;
        }
        const T* rows[3] = {slot(pixels, y - 1), slot(pixels, y), slot(pixels, y + 1)};
        if constexpr (std::is_same_v<T, uint8_t>)
            area.sobel_u8(rows, slot(gx, y), slot(gy, y), centre(y), in.width);
        else if constexpr (std::is_same_v<T, float>)
            area.sobel_f32(rows, slot(gx, y), slot(gy, y), centre(y), in.width);
        else
            area.sobel_f64(rows, slot(gx, y), slot(gy, y), centre(y), in.width);
    };
    for (int64_t y = begin - 2; y < begin; ++y) fetch(y);
    for (int64_t y = begin - 1; y <= end; ++y) {
        fetch(y + 1);
        gradient(y);
        if (y <= begin) continue;
        const CannyRow row = {slot(gx, y - 1), slot(gy, y - 1), centre(y - 2), centre(y - 1), centre(y), low, high};
        const auto thin = sizeof(G) == 2 ? area.thin_i16 : sizeof(G) == 4 ? area.thin_f32 : area.thin_f64;
        thin(row, map.candidates(y - 1), map.edges(y - 1), in.width);
    }
}

}  // namespace

void canny(const View& in, const View& out, double low, double high, Border border, double cval, int threads) {
    check_same_size("canny", in, out);
    check_pixels("canny", in);
    if (in.channels != 1) throw std::invalid_argument("canny takes images of one channel");
    if (out.dtype != DType::u8) throw std::invalid_argument("canny gives u8");
    if (std::isnan(low) || std::isnan(high)) throw std::invalid_argument("canny: a threshold is not a number");
    if (in.height == 0 || in.width == 0) return;
    if (low > high) std::swap(low, high);
    if (in.dtype == DType::u8) {  // whole gradients of at most 2040
        low = std::clamp(std::floor(low), -1.0, 4000.0);
        high = std::clamp(std::floor(high), -1.0, 4000.0);
    }
    const EdgeMap map(out);
    threads = worthwhile(threads, 0.3 * static_cast<double>(in.height * in.width));
    const Stripes stripes(in.height, threads, 32);
    parallel_for(stripes.count, threads, [&](int i) {
        const int64_t begin = stripes.begin(i), end = stripes.end(i);
        const auto rows = in.dtype == DType::u8    ? canny_rows<uint8_t, int16_t>
                          : in.dtype == DType::f64 ? canny_rows<double, double>
                                                   : canny_rows<float, float>;
        rows(in, low, high, border, cval, begin, end, map);
        Spread spread(map, begin, end);
        for (int64_t y = begin; y < end; ++y) spread.start(y);
    });
    if (stripes.count > 1) {
        Spread across(map, 0, in.height);
        for (int i = 1; i < stripes.count; ++i) {
            across.start(stripes.begin(i) - 1);
            across.start(stripes.begin(i));
        }
    }
    parallel_for(stripes.count, threads, [&](int i) {
        const Scratch<uint64_t> edges(map.words);
        for (int64_t y = stripes.begin(i); y < stripes.end(i); ++y) {
            std::copy_n(map.edges(y), map.words, edges.get());
            kernels().area->expand_bits(edges.get(), out.data + y * out.row, out.pixel, in.width);
        }
    });
}

}  // namespace imgfilt
