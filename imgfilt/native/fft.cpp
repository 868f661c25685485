#include "fft.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>
#include <type_traits>

#include "border.hpp"
#include "dispatch.hpp"
#include "lines.hpp"
#include "pool.hpp"

namespace imgfilt {

std::vector<int> fourier_radices(int64_t n) {
    const int64_t power = n % 3 == 0 ? n / 3 : n;
    if (n < 16 || n % 16 != 0 || (power & (power - 1)) != 0)
        throw std::invalid_argument("transforms have a power of two elements, or three times one, from 16 on");
    int digits = 0;
    while (power >> digits > 1) ++digits;
    // Eights last (measured): the first passes have the most roots to multiply by.
    std::vector<int> radices(static_cast<size_t>(digits % 3 == 0 ? 0 : 3 - digits % 3), 4);
    radices.resize(radices.size() + static_cast<size_t>(digits - 2 * static_cast<int>(radices.size())) / 3, 8);
    if (n % 3 == 0) radices.push_back(3);
    return radices;
}

namespace {

template <class T>
constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
template <class T>
constexpr int64_t kPair = 2 * kLine<T>;
constexpr int64_t kRowsAhead = 8;

template <class T>
const FourierKernelsOf<T>& kernels_of() {
    if constexpr (std::is_same_v<T, float>)
        return kernels().fourier->f32;
    else
        return kernels().fourier->f64;
}

// The passes of a transform and their roots.
template <class T>
class Transform {
  public:
    explicit Transform(int64_t n) {
        const std::vector<int> radices = fourier_radices(n);
        passes_.n = n;
        int64_t length = n;
        for (size_t p = 0; p < radices.size(); length /= radices[p++]) {
            passes_.radix[p] = radices[p];
            passes_.length[p] = length;
            roots_.emplace_back();
            for (int64_t j = 0; j < length / radices[p]; ++j)
                for (int m = 1; m < radices[p]; ++m) {
                    const long double angle = -2 * std::numbers::pi_v<long double> * static_cast<long double>(j * m) /
                                              static_cast<long double>(length);
                    roots_.back().push_back(static_cast<T>(std::cos(angle)));
                    roots_.back().push_back(static_cast<T>(std::sin(angle)));
                }
            passes_.turns[p] = roots_.back().data();
        }
        passes_.count = static_cast<int>(radices.size());
    }
    const FourierPasses<T>& passes() const { return passes_; }

  private:
    FourierPasses<T> passes_;
    std::vector<std::vector<T>> roots_;
};

// Elements from one row of a tile to the next: an odd number of pairs of lines, so that a strip fits the first cache.
template <class T>
int64_t tile_row(int64_t nx) {
    const int64_t pairs = nx / kLine<T>;
    return (pairs | 1) * kPair<T>;
}

// The kernel's transform, conjugate and divided by the tile's elements, as filter_rows reads it: made in 53 bits.
template <class T>
Block spectrum_of(const View& weights, int64_t ny, int64_t nx) {
    const auto& kernels = kernels_of<double>();
    const Transform<double> down(ny), along(nx);
    const int64_t row = tile_row<double>(nx);
    Block block = take_block(static_cast<int64_t>(sizeof(double)) * (ny * row + nx * kPair<double>));
    double* const tile = reinterpret_cast<double*>(block.memory.get());
    double* const strip = tile + ny * row;
    std::fill(tile, strip, 0.0);
    for (int64_t i = 0; i < weights.height; ++i)
        for (int64_t j = 0; j < weights.width; ++j)
            std::memcpy(tile + i * row + j / kLine<double> * kPair<double> + j % kLine<double>,
                        weights.data + i * weights.row + j * weights.pixel, sizeof(double));
    kernels.forward(tile, row, nx / kLine<double>, down.passes());
    Block found = take_block(static_cast<int64_t>(sizeof(T)) * 2 * ny * nx);
    T* const spectrum = reinterpret_cast<T*>(found.memory.get());
    const double unit = 1.0 / static_cast<double>(ny * nx);
    for (int64_t y = 0; y < ny; y += kLine<double>) {
        kernels.transform_rows(tile + y * row, row, along.passes(), strip);
        T* const to = spectrum + y / kLine<T> * kPair<T> * nx + y % kLine<T>;
        for (int64_t x = 0; x < nx; ++x)
            for (int64_t i = 0; i < kLine<double>; ++i) {
                to[x * kPair<T> + i] = static_cast<T>(strip[x * kPair<double> + i] * unit);
                to[x * kPair<T> + kLine<T> + i] = static_cast<T>(-strip[x * kPair<double> + kLine<double> + i] * unit);
            }
    }
    give_back(std::move(block));
    return found;
}

}  // namespace

template <class T>
struct Fourier::Of {
    Of(const View& weights, const FourierOptions& o)
        : options(o),
          kernel_height(weights.height),
          kernel_width(weights.width),
          down(o.ny),
          along(o.nx),
          memory(spectrum_of<T>(weights, o.ny, o.nx)),
          spectrum(reinterpret_cast<const T*>(memory.memory.get())) {
        for (int64_t i = 0; i < kernel_height; ++i)
            for (int64_t j = 0; j < kernel_width; ++j) {
                double w;
                std::memcpy(&w, weights.data + i * weights.row + j * weights.pixel, sizeof w);
                if (w != 0) taps.push_back({i, j, w});
            }
    }

    struct Tap {
        int64_t y, x;
        double weight;
    };
    FourierOptions options;
    int64_t kernel_height, kernel_width;
    Transform<T> down, along;
    Block memory;
    const T* spectrum;
    std::vector<Tap> taps;

    int64_t rows() const { return options.ny - kernel_height + 1; }  // of responses in a tile
    int64_t columns() const { return options.nx - kernel_width + 1; }
    int64_t row() const { return tile_row<T>(options.nx); }
    int64_t response_size() const { return kSizeOf[static_cast<int>(options.response)]; }
    // Columns of tiles that a task has: real tiles go in pairs, and pairs that are whole.
    static int64_t together(int64_t channels) { return channels % 2 == 0 ? 1 : 2; }
    int64_t workspace(int64_t channels) const {
        const int64_t elements = options.ny * row() + options.nx * kPair<T> + options.nx + kLine<T>;
        const int64_t responses = rows() * columns() * together(channels) * channels;
        return elements * static_cast<int64_t>(sizeof(T)) + options.nx * static_cast<int64_t>(sizeof(int64_t)) +
               responses * response_size();
    }
};

namespace {

// An image as tiles read it.
struct Source {
    const View& in;
    Border border;
    double cval;

    const char* at(int64_t y, int64_t x, int64_t c) const {
        return in.data + y * in.row + x * in.pixel + c * in.channel;
    }
    // The element of one that may lie outside.
    double element(int64_t y, int64_t x, int64_t c) const {
        const int64_t j = border_index(y, in.height, border), i = border_index(x, in.width, border);
        double v = cval;
        if (j >= 0 && i >= 0) kernels().fourier->f64.widen[static_cast<int>(in.dtype)](at(j, i, c), 0, &v, 1);
        return v;
    }
};

// The responses of rows top .. bottom - 1 and columns left .. right - 1 of a channel.
struct Part {
    int64_t top, bottom, left, right, channel;
};

// A thread's work on tiles, one after another.
template <class T, class Plan>
class Worker {
  public:
    Worker(const Plan& plan, const Source& source, char* memory)
        : plan_(plan), source_(source), o_(plan.options), row_(plan.row()) {
        tile_ = reinterpret_cast<T*>(memory);
        strip_ = tile_ + o_.ny * row_;
        line_ = strip_ + o_.nx * kPair<T>;
        columns_ = reinterpret_cast<int64_t*>(line_ + o_.nx + kLine<T>);
        responses_ = reinterpret_cast<char*>(columns_ + o_.nx);
    }

    // Responses of tiles beside each other, left .. right, interleaved.
    View respond(int64_t top, int64_t bottom, const std::vector<int64_t>& edges) {
        const int64_t channels = source_.in.channels, size = plan_.response_size();
        View v;
        v.data = responses_;
        v.height = bottom - top, v.width = edges.back() - edges.front(), v.channels = channels;
        v.channel = size, v.pixel = size * channels, v.row = v.pixel * v.width;
        v.dtype = o_.response;
        std::vector<Part> parts;
        for (size_t i = 0; i + 1 < edges.size(); ++i)
            for (int64_t c = 0; c < channels; ++c) parts.push_back({top, bottom, edges[i], edges[i + 1], c});
        for (size_t i = 0; i < parts.size(); i += 2) {
            const int count = i + 1 < parts.size() ? 2 : 1;
            convolve(&parts[i], count);
            for (int j = 0; j < count; ++j) {
                const Part& p = parts[i + static_cast<size_t>(j)];
                char* const to = v.data + (p.left - edges.front()) * v.pixel + p.channel * size;
                if (o_.response == DType::f32)
                    join<float>(j, p, to, v);
                else
                    join<double>(j, p, to, v);
            }
        }
        return v;
    }

  private:
    void convolve(const Part* parts, int count) {
        const auto& kernels = kernels_of<T>();
        int64_t wide = 0;  // of responses
        for (int j = 0; j < 2; ++j) {
            wild_[j] = false;
            if (j < count) {
                wide = std::max(wide, parts[j].right - parts[j].left);
                load(j, parts[j]);
            } else {
                for (int64_t y = 0; y < o_.ny; ++y) clear(j, y);
            }
        }
        const int64_t filled = strips(wide + plan_.kernel_width - 1), wanted = strips(wide);
        kernels.forward(tile_, row_, filled, plan_.down.passes());
        for (int64_t y = 0; y < o_.ny; y += kLine<T>)
            kernels.filter_rows(tile_ + y * row_, row_, wanted, plan_.along.passes(), plan_.spectrum + 2 * y * o_.nx,
                                strip_);
        kernels.backward(tile_, row_, wanted, plan_.down.passes());
    }
    static int64_t strips(int64_t columns) { return (columns + kLine<T> - 1) / kLine<T>; }

    T* part_row(int j, int64_t y) { return tile_ + y * row_ + j * kLine<T>; }
    void clear(int j, int64_t y) {
        T* const to = part_row(j, y);
        for (int64_t x = 0; x < 2 * o_.nx; x += kPair<T>) std::fill_n(to + x, kLine<T>, T(0));
    }

    // The elements that a part's responses are made of, in the part j of the tile.
    void load(int j, const Part& p) {
        const View& in = source_.in;
        const auto& kernels = kernels_of<T>();
        const auto widen = kernels.widen[static_cast<int>(in.dtype)];
        const int64_t top = p.top - o_.anchor_y, high = p.bottom - p.top + plan_.kernel_height - 1;
        const int64_t left = p.left - o_.anchor_x, wide = p.right - p.left + plan_.kernel_width - 1;
        const int64_t first = std::clamp<int64_t>(-left, 0, wide);
        const int64_t last = std::clamp<int64_t>(in.width - left, first, wide);
        const T middle = static_cast<T>(o_.middle), limit = static_cast<T>(o_.limit);
        // Of the columns outside those that stand for them, mostly in the same tile.
        const auto stand_in = [&](int64_t x) { return border_index(left + x, in.width, source_.border); };
        for (int64_t x = 0; x < first; ++x) columns_[x] = stand_in(x);
        for (int64_t x = last; x < wide; ++x) columns_[x] = stand_in(x);
        const auto beyond = [&](int64_t y, int64_t from, int64_t to) {
            for (int64_t x = from; x < to; ++x) {
                const int64_t i = columns_[x];
                if (i < 0)
                    line_[x] = static_cast<T>(source_.cval);
                else if (i - left >= first && i - left < last)
                    line_[x] = line_[i - left];
                else
                    widen(source_.at(y, i, p.channel), kSizeOf[static_cast<int>(in.dtype)], line_ + x, 1);
            }
        };
        const auto load_row = [&](int64_t y, int64_t from) {
            if (from < 0) {
                std::fill_n(line_, wide, static_cast<T>(source_.cval));
            } else {
                widen(source_.at(from, left + first, p.channel), in.pixel, line_ + first, last - first);
                beyond(from, 0, first);
                beyond(from, last, wide);
            }
            wild_[j] |= kernels.split(line_, wide, o_.nx, middle, limit, part_row(j, y));
        };
        const int64_t inside = std::clamp<int64_t>(-top, 0, high);
        const int64_t outside = std::clamp<int64_t>(in.height - top, inside, high);
        for (int64_t y = inside; y < outside; ++y) {
            // No processor sees by itself which part of the image's rows comes next.
            if (last > first && y + kRowsAhead < outside)
                for (int64_t at = 0; at < (last - first) * in.pixel; at += 64)
                    __builtin_prefetch(source_.at(top + y + kRowsAhead, left + first, 0) + at);
            load_row(y, top + y);
        }
        const auto rows_beyond = [&](int64_t from, int64_t to) {
            for (int64_t y = from; y < to; ++y) {
                const int64_t at = border_index(top + y, in.height, source_.border);
                if (at - top >= inside && at - top < outside)
                    for (int64_t x = 0; x < 2 * o_.nx; x += kPair<T>)
                        std::copy_n(part_row(j, at - top) + x, kLine<T>, part_row(j, y) + x);
                else
                    load_row(y, at);
            }
        };
        rows_beyond(0, inside);
        rows_beyond(outside, high);
        for (int64_t y = high; y < o_.ny; ++y) clear(j, y);
        if (wild_[j]) take_wild_out(j, p, top, left, high, wide);
    }

    // Elements that are not finite, or too large, would spread over the tile: they are 0 in it, and `reached_` tells
    // which responses they are part of.
    void take_wild_out(int j, const Part& p, int64_t top, int64_t left, int64_t high, int64_t wide) {
        const int64_t rows = p.bottom - p.top, columns = p.right - p.left;
        elements_[j].assign(static_cast<size_t>(high * wide), 0.0);
        reached_[j].assign(static_cast<size_t>(rows * columns), 0);
        for (int64_t y = 0; y < high; ++y)
            for (int64_t x = 0; x < wide; ++x) {
                const double v = source_.element(top + y, left + x, p.channel);
                elements_[j][static_cast<size_t>(y * wide + x)] = v;
                if (std::abs(v) <= static_cast<double>(static_cast<T>(o_.limit))) continue;
                part_row(j, y)[x / kLine<T> * kPair<T> + x % kLine<T>] = 0;
                for (int64_t b = std::max<int64_t>(0, y - plan_.kernel_height + 1); b <= std::min(y, rows - 1); ++b)
                    for (int64_t a = std::max<int64_t>(0, x - plan_.kernel_width + 1); a <= std::min(x, columns - 1);
                         ++a)
                        reached_[j][static_cast<size_t>(b * columns + a)] = 1;
            }
    }

    template <class Out>
    void join(int j, const Part& p, char* to, const View& v) {
        const int64_t columns = p.right - p.left, wide = columns + plan_.kernel_width - 1;
        for (int64_t y = 0; y < v.height; ++y) {
            Out* const out = reinterpret_cast<Out*>(to + y * v.row);
            if constexpr (std::is_same_v<Out, float>)
                kernels_of<T>().join_f32(part_row(j, y), columns, o_.whole, o_.offset, out, v.channels);
            else
                kernels_of<T>().join_f64(part_row(j, y), columns, o_.whole, o_.offset, out, v.channels);
            if (!wild_[j]) continue;
            for (int64_t x = 0; x < columns; ++x) {
                if (reached_[j][static_cast<size_t>(y * columns + x)] == 0) continue;
                double sum = 0;
                for (const auto& tap : plan_.taps)
                    sum += tap.weight * elements_[j][static_cast<size_t>((y + tap.y) * wide + x + tap.x)];
                out[x * v.channels] = static_cast<Out>(sum);
            }
        }
    }

    const Plan& plan_;
    const Source& source_;
    const FourierOptions& o_;
    const int64_t row_;
    T *tile_, *strip_, *line_;
    int64_t* columns_;
    char* responses_;
    bool wild_[2] = {};
    std::vector<double> elements_[2];
    std::vector<char> reached_[2];
};

// Those rows and columns of responses from (top, left) on that are multiples of the strides, and their place in `out`.
void cut(const FourierOptions& o, int64_t top, int64_t left, View& responses, View& out) {
    const auto skip = [](int64_t at, int64_t stride) { return (stride - at % stride) % stride; };
    const auto count = [](int64_t n, int64_t stride) { return n <= 0 ? 0 : (n + stride - 1) / stride; };
    const int64_t y = skip(top, o.stride_y), x = skip(left, o.stride_x);
    responses.data += y * responses.row + x * responses.pixel;
    responses.height = count(responses.height - y, o.stride_y);
    responses.width = count(responses.width - x, o.stride_x);
    responses.row *= o.stride_y, responses.pixel *= o.stride_x;
    out.data += (top + y) / o.stride_y * out.row + (left + x) / o.stride_x * out.pixel;
    out.height = responses.height, out.width = responses.width;
}

template <class T, class Plan>
void run_tiles(const Plan& plan, const View& in, const Program& pixels, const View& out, Border border, double cval,
               int threads) {
    const FourierOptions& o = plan.options;
    const int64_t down = (in.height + plan.rows() - 1) / plan.rows();
    const int64_t along = (in.width + plan.columns() - 1) / plan.columns();
    const int64_t together = Plan::together(in.channels), across = (along + together - 1) / together;
    const Source source{in, border, cval};
    std::atomic<int64_t> next{0};
    if (threads <= 0) threads = all_threads();
    const int workers = static_cast<int>(std::min<int64_t>(threads, down * across));
    parallel_for(workers, workers, [&](int) {
        if (next >= down * across) return;
        Block block = take_block(plan.workspace(in.channels));
        Worker<T, Plan> worker(plan, source, block.memory.get());
        for (int64_t i; (i = next++) < down * across;) {
            const int64_t top = i / across * plan.rows(), bottom = std::min(top + plan.rows(), in.height);
            const int64_t begin = i % across * together, end = std::min(begin + together, along);
            std::vector<int64_t> edges;
            for (int64_t e = begin; e <= end; ++e) edges.push_back(in.width * e / along);
            View responses = worker.respond(top, bottom, edges), target = out;
            cut(o, top, edges.front(), responses, target);
            if (responses.height > 0 && responses.width > 0) pixels.run(responses, target, border, cval, 1);
        }
        give_back(std::move(block));
    });
}

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

}  // namespace

Fourier::Fourier(const View& weights, const FourierOptions& o) {
    require(weights.dtype == DType::f64 && weights.channels == 1 && weights.height > 0 && weights.width > 0,
            "weights are float64, in rows and columns");
    require(weights.height <= o.ny && weights.width <= o.nx, "a tile has no room for a response");
    require(o.response == DType::f32 || o.response == DType::f64, "responses are float32 or float64");
    require(o.stride_y > 0 && o.stride_x > 0, "strides begin at 1");
    if (o.wide)
        wide_ = std::make_unique<const Of<double>>(weights, o);
    else
        narrow_ = std::make_unique<const Of<float>>(weights, o);
}

Fourier::~Fourier() = default;

void Fourier::run(const View& in, const Program& pixels, const View& out, Border border, double cval,
                  int threads) const {
    const FourierOptions& o = narrow_ ? narrow_->options : wide_->options;
    require(in.height > 0 && in.width > 0, "the image is empty");
    require(in.dtype != DType::i32 && in.dtype != DType::i64, "there are no transforms of this element type");
    require(out.height == (in.height + o.stride_y - 1) / o.stride_y &&
                out.width == (in.width + o.stride_x - 1) / o.stride_x,
            "the output's size is not that of the response");
    if (narrow_)
        run_tiles<float>(*narrow_, in, pixels, out, border, cval, threads);
    else
        run_tiles<double>(*wide_, in, pixels, out, border, cval, threads);
}

int64_t Fourier::workspace(int64_t channels) const {
    return narrow_ ? narrow_->workspace(channels) : wide_->workspace(channels);
}

}  // namespace imgfilt
