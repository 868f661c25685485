// Canny's edges of a whole image. Candidates and edges are kept as one bit per pixel; hysteresis spreads edges
// through 64 pixels at a time. The edges are all candidates connected with a strong one, whatever the order.
// The bits lie in the output's rows until these are written.
#pragma once

#include <utility>
#include <vector>

#include "area_rows.hpp"
#include "dispatch.hpp"
#include "pool.hpp"

namespace imgfilt {
namespace {

// Each row is a word of zeros, candidates, as many zeros as vectors may reach, edges, and such zeros.
class EdgeMap {
  public:
    const int64_t height, words;  // words of a row

    explicit EdgeMap(const View& out)
        : height(out.height),
          words((out.width + 63) / 64),
          part_(words + 1 + kSlack / kWord),
          own_(out.pixel != 1 || (2 * part_ + 1) * kWord > out.width ||
               (out.row % kWord != 0 && height * 2 * part_ * kWord <= kMost)),
          memory_(own_ ? height * 2 * part_ : 0),
          base_(own_ ? reinterpret_cast<char*>(memory_.get()) : out.data),
          row_(own_ ? 2 * part_ * kWord : out.row) {}

    uint64_t* candidates(int64_t y) const { return begin(y) + 1; }
    uint64_t* edges(int64_t y) const { return candidates(y) + part_; }
    void clear(int64_t y) const { std::fill_n(begin(y), 2 * part_, uint64_t(0)); }
    // Words from one row to the next; 0 if that is not the same everywhere.
    int64_t step() const { return row_ % kWord == 0 ? row_ / kWord : 0; }

  private:
    static constexpr int64_t kWord = sizeof(uint64_t);
    static constexpr int64_t kMost = 8 << 20;  // bytes, where the output's rows have room but lie unevenly

    uint64_t* begin(int64_t y) const {
        const uintptr_t row = reinterpret_cast<uintptr_t>(base_ + y * row_);
        return reinterpret_cast<uint64_t*>((row + kWord - 1) / kWord * kWord);
    }

    int64_t part_;
    bool own_;  // the output's rows have no room
    Scratch<uint64_t> memory_;
    char* base_;
    int64_t row_;
};

// Hysteresis within rows begin .. end - 1.
class Spread {
  public:
    Spread(const EdgeMap& map, int64_t begin, int64_t end) : map_(map), begin_(begin), end_(end) {}

    // All of it. A sweep down and one up find most edges, many pixels at a time; the rest is followed one by one.
    void run() {
        const AreaKernels& area = *kernels().area;
        const int64_t rows = end_ - begin_, step = map_.step();
        if (step == 0) {
            for (int64_t y = begin_; y < end_; ++y) start(y);
            return;
        }
        area.spread_rows(map_.candidates(begin_), map_.edges(begin_), step, rows, map_.words);
        area.spread_rows(map_.candidates(end_ - 1), map_.edges(end_ - 1), -step, rows, map_.words);
        const Scratch<bool> unfinished(rows);
        area.unfinished_rows(map_.candidates(begin_), map_.edges(begin_), step, rows, map_.words, unfinished.get());
        for (int64_t y = begin_; y < end_; ++y)
            if (unfinished[y - begin_])
                for (int64_t row = std::max(begin_, y - 1); row < std::min(end_, y + 2); ++row) start(row);
    }

    // Lets the edges of a row spread.
    void start(int64_t y) {
        for (int64_t w = 0; w < map_.words; ++w)
            if (const uint64_t edges = map_.edges(y)[w]; edges != 0) {
                reach(y, w, edges << 1 | edges >> 1);
                work_.emplace_back(y, w);
            }
        follow();
    }

  private:
    void follow() {
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

template <class T>
struct Gradients;
template <>
struct Gradients<uint8_t> {
    typedef int16_t G;
    static auto load(const AreaKernels& area) { return area.load_key; }
    static auto gradient(const AreaKernels& area) { return area.gradient_u8; }
    static auto thin(const AreaKernels& area) { return area.thin_u8; }
};
template <>
struct Gradients<float> {
    typedef float G;
    static auto load(const AreaKernels& area) { return area.load_f32; }
    static auto gradient(const AreaKernels& area) { return area.gradient_f32; }
    static auto thin(const AreaKernels& area) { return area.thin_f32; }
};
template <>
struct Gradients<double> {
    typedef double G;
    static auto load(const AreaKernels& area) { return area.load_f64; }
    static auto gradient(const AreaKernels& area) { return area.gradient_f64; }
    static auto thin(const AreaKernels& area) { return area.thin_f64; }
};

// Candidates and strong ones of rows begin .. end - 1 of the image, to `map`. T: elements.
template <class T>
class Thinning {
    typedef Gradients<T> Of;
    typedef typename Of::G G;

  public:
    Thinning(const View& in, double low, double high, Border border, double cval, const EdgeMap& map)
        : in_(in),
          low_(low),
          high_(high),
          border_(border),
          map_(map),
          load_(Of::load(area_)[static_cast<int>(in.dtype)]),
          left_(border_index(-1, in.width, border)),
          right_(border_index(in.width, in.width, border)),
          chunk_(std::min(in.width, kChunk)),
          pitch_(round_up(chunk_ + 2, 64) + 128),
          pixels_(kPixelRows * pitch_),
          magnitudes_(kMagnitudeRows * pitch_) {
        alignas(8) char element[8] = {};
        constant_element(in.dtype, cval, element);
        load_(element, sizeof element, &constant_, 1);
    }

    void run(int64_t begin, int64_t end) const {
        for (int64_t y = begin; y < end; ++y) map_.clear(y);
        for (int64_t first = 0; first < in_.width; first += chunk_) columns(first, begin, end);
    }

  private:
    static constexpr int64_t kChunk = sizeof(T) == 1 ? kCannyColumns : 2048 / sizeof(T);  // whose rows stay near
    static constexpr int64_t kPixelRows = kCannyRows + 3, kMagnitudeRows = kCannyRows + 2;

    T* pixels(int64_t y) const { return pixels_.get() + (y + kPixelRows) % kPixelRows * pitch_ + 64; }
    G* magnitudes(int64_t y) const { return magnitudes_.get() + (y + kMagnitudeRows) % kMagnitudeRows * pitch_ + 64; }

    // Pixels first - 2 .. last + 1 of row y.
    void fetch(int64_t y, int64_t first, int64_t last) const {
        T* to = pixels(y) - first;
        const int64_t row = border_index(y, in_.height, border_);
        const int64_t from = std::max<int64_t>(0, first - 2), until = std::min(in_.width, last + 2);
        if (row < 0) {
            std::fill(pixels(y) - 2, pixels(y) + (last - first) + 2, constant_);
            return;
        }
        const char* line = in_.data + row * in_.row;
        load_(line + from * in_.pixel, in_.pixel, to + from, until - from);
        const auto side = [&](int64_t x, int64_t same) {
            if (same < 0)
                to[x] = constant_;
            else if (from <= same && same < until)
                to[x] = to[same];
            else
                load_(line + same * in_.pixel, in_.pixel, to + x, 1);
        };
        if (first == 0) side(-1, left_);
        if (last + 1 >= in_.width) side(in_.width, right_);
    }

    // Magnitudes of columns first - 1 .. last of rows y .. y + count - 1, 0 beyond the image.
    void gradient(int64_t y, int64_t count, int64_t first, int64_t last) const {
        const int64_t from = first > 0 ? -1 : 0, until = last - first + (last < in_.width);
        const T* rows[kCannyRows + 2];
        G* to[kCannyRows];
        for (int64_t i = 0; i < count + 2; ++i) rows[i] = pixels(y - 1 + i) + from - 1;
        for (int64_t i = 0; i < count; ++i) to[i] = magnitudes(y + i) + from;
        Of::gradient(area_)(rows, to, static_cast<int>(count), until - from);
        for (int64_t i = 0; i < count; ++i) {
            if (first == 0) to[i][-1] = 0;
            if (last == in_.width) to[i][until - from] = 0;
            if (y + i < 0 || y + i >= in_.height) std::fill_n(to[i], until - from, G(0));
        }
    }

    void thin(int64_t y, int64_t count, int64_t first, int64_t last) const {
        const void *pixel_rows[kCannyRows + 2], *magnitude_rows[kCannyRows + 2];
        uint64_t *candidates[kCannyRows], *strong[kCannyRows];
        for (int64_t i = 0; i < count + 2; ++i) {
            pixel_rows[i] = pixels(y - 1 + i) - 1;
            magnitude_rows[i] = magnitudes(y - 1 + i);
        }
        for (int64_t i = 0; i < count; ++i) {
            candidates[i] = map_.candidates(y + i) + first / 64;
            strong[i] = map_.edges(y + i) + first / 64;
        }
        Of::thin(area_)({pixel_rows, magnitude_rows, candidates, strong, static_cast<int>(count), low_, high_},
                        last - first);
    }

    void columns(int64_t first, int64_t begin, int64_t end) const {
        const int64_t last = std::min(in_.width, first + chunk_);
        for (int64_t y = begin - 2; y < begin; ++y) fetch(y, first, last);
        for (int64_t y = begin - 1; y <= end; y += kCannyRows) {
            const int64_t count = std::min<int64_t>(kCannyRows, end + 1 - y), start = std::max(begin, y - 1);
            for (int64_t i = 0; i < count; ++i) fetch(y + 1 + i, first, last);
            gradient(y, count, first, last);
            thin(start, y + count - 1 - start, first, last);
        }
    }

    const AreaKernels& area_ = *kernels().area;
    View in_;
    double low_, high_;
    Border border_;
    const EdgeMap& map_;
    void (*load_)(const char* in, int64_t stride, void* out, int64_t n);
    int64_t left_, right_;  // the pixels beyond a row's ends are as these
    int64_t chunk_, pitch_;
    Scratch<T> pixels_;
    Scratch<G> magnitudes_;
    T constant_;
};

template <class T>
void canny_rows(const View& in, double low, double high, Border border, double cval, int64_t begin, int64_t end,
                const EdgeMap& map) {
    const Thinning<T> rows(in, low, high, border, cval, map);
    constexpr int64_t kBand = 64;  // rows that stay in the second cache
    for (int64_t y = begin; y < end; y += kBand) rows.run(y, std::min(end, y + kBand));
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
        const auto rows = in.dtype == DType::u8    ? canny_rows<uint8_t>
                          : in.dtype == DType::f64 ? canny_rows<double>
                                                   : canny_rows<float>;
        rows(in, low, high, border, cval, begin, end, map);
        Spread(map, begin, end).run();
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
