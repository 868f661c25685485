#include "transposed.hpp"

#include <cstring>

#include "bank.hpp"
#include "dispatch.hpp"
#include "pool.hpp"
#include "transposed_axis.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kBandBytes = 320 << 10;  // of input, to stay in L2
constexpr int64_t kSumBytes = 192 << 10;   // of sums, beside it
constexpr int64_t kBlockTerms = 256;       // of a filter block, whose weights stay in L1
constexpr int64_t kTasksPerThread = 4;
constexpr int64_t kSlack = 4 * 16;  // elements that whole vectors may read past the end

template <class T>
const TransposedKernelsOf<T>& kernels_of();
template <>
const TransposedKernelsOf<float>& kernels_of<float>() {
    return kernels().transposed->f32;
}
template <>
const TransposedKernelsOf<double>& kernels_of<double>() {
    return kernels().transposed->f64;
}

// One row of a filter's output from its phases' lines.
template <class T>
void emit_row(const TransposedKernelsOf<T>& k, const T* lines, int64_t pitch, int64_t count, const Planes& out,
              int64_t n, int64_t m, int64_t y) {
    char* to = out.data + n * out.image + m * out.channel + y * out.row;
    if (out.pixel == static_cast<int64_t>(sizeof(T))) {
        k.interleave(lines, pitch, count, to, out.width);
        return;
    }
    for (int64_t x = 0; x < out.width; ++x)
        std::memcpy(to + x * out.pixel, lines + x % count * pitch + x / count, sizeof(T));
}

// The taps of a pair of phases that are summed in one go, the rows' by their shift.
struct Run {
    int64_t phase_y, phase_x;
    std::vector<PhaseTap> rows, columns;
    int64_t first, end;  // of the phase's outputs in a row: those that meet an element
};

template <class T>
class Transposed {
  public:
    Transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const T* weight, const T* bias,
               const Planes& out)
        : s_(shape),
          x_(x),
          out_(out),
          weight_(weight),
          bias_(bias),
          k_(kernels_of<T>()),
          inserted_(method == TransposedMethod::zero_insert),
          ay_(axis(x.height, out.height, shape.kernel_height, shape.stride_y, shape.top, shape.dilation_y)),
          ax_(axis(x.width, out.width, shape.kernel_width, shape.stride_x, shape.left, shape.dilation_x)) {
        channels_ = x.channels / s_.groups;
        filters_ = out.channels / s_.groups;
        wide_ = filters_ > k_.lanes ? 2 * k_.lanes : k_.lanes;
        panels_ = (filters_ + wide_ - 1) / wide_;
        left_ = ax_.quotient(0) - ax_.reach;
        pitch_ = ax_.quotient(ax_.out - 1) + 1 - left_;
        line_ = round_up(ax_.phases[0].count, k_.lanes) + k_.lanes;
        find_runs(method);
        const int64_t lanes = k_.lanes, across = ax_.phases[0].count;
        by_pixels_ = filters_ * ((across + lanes - 1) / lanes) < (filters_ + lanes - 1) / lanes * across;
        in_registers_ = method != TransposedMethod::scatter && ax_.phases.size() <= kMostPhases;
        block_channels_ = by_pixels_ ? channels_ : std::clamp<int64_t>(kBlockTerms / most_taps_, 1, channels_);
    }

    void run(int threads) {
        cut(threads);
        find_terms();
        const Scratch<T> all(shared_ ? s_.groups * panels_ * panel_size() : 0);
        if (shared_)
            parallel_for(static_cast<int>(s_.groups * panels_), threads,
                         [&](int i) { pack(i / panels_, i % panels_, 0, channels_, all.get() + i * panel_size()); });
        share(tasks_, threads, [&](const auto& next) {
            const Scratch<T> input(chunk_ * channels_ * plane_ + kSlack);
            const Scratch<T> sums(sums_size());
            const Scratch<T> weights(shared_ || by_pixels_ ? 0 : panel_size());
            for (int64_t task; (task = next()) >= 0;)
                work(task, input.get(), sums.get(), shared_ ? all.get() : nullptr, weights.get());
        });
    }

    int64_t workspace(int threads) {
        cut(threads);
        const int64_t weights = shared_ || by_pixels_ ? 0 : panel_size();
        const int64_t one = chunk_ * channels_ * plane_ + kSlack + sums_size() + weights;
        const int64_t all = shared_ ? s_.groups * panels_ * panel_size() : 0;
        return (std::min<int64_t>(threads, tasks_) * one + all) * static_cast<int64_t>(sizeof(T));
    }

  private:
    static int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

    // The map in which zeros have been inserted is convolved with stride 1.
    Axis axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) const {
        return inserted_ ? Axis((in - 1) * stride + 1, out, kernel, 1, pad, dilation)
                         : Axis(in, out, kernel, stride, pad, dilation);
    }

    void find_runs(TransposedMethod method) {
        most_taps_ = 1;
        for (std::size_t ky = 0; ky < ay_.phases.size(); ++ky) {
            first_run_.push_back(runs_.size());
            for (std::size_t kx = 0; kx < ax_.phases.size(); ++kx) {
                const auto &rows = ay_.phases[ky].taps, &columns = ax_.phases[kx].taps;
                if (rows.empty() || columns.empty()) continue;
                if (method != TransposedMethod::scatter) {
                    add_run(ky, kx, rows, columns);
                    continue;
                }
                for (const PhaseTap& u : rows)
                    for (const PhaseTap& v : columns) add_run(ky, kx, {u}, {v});
            }
        }
    }

    void add_run(std::size_t ky, std::size_t kx, const std::vector<PhaseTap>& rows,
                 const std::vector<PhaseTap>& columns) {
        const Phase& phase = ax_.phases[kx];
        int64_t first = phase.count, end = 0;
        for (const PhaseTap& v : columns) {
            first = std::min(first, v.shift - phase.quotient);
            end = std::max(end, ax_.in + v.shift - phase.quotient);
        }
        first = std::max<int64_t>(first, 0);
        end = std::min(end, phase.count);
        if (first >= end) return;
        runs_.push_back({static_cast<int64_t>(ky), static_cast<int64_t>(kx), rows, columns, first, end});
        most_taps_ = std::max<int64_t>(most_taps_, static_cast<int64_t>(rows.size() * columns.size()));
    }

    // Rows of output to bands, images to chunks, filters to parts. How, changes nothing in any sum.
    void cut(int threads) {
        const int64_t row_bytes = channels_ * pitch_ * static_cast<int64_t>(sizeof(T));
        const int64_t sums_bytes = by_pixels_ ? 0 : out_.width * wide_ * static_cast<int64_t>(sizeof(T));
        int64_t rows = 1;
        while (rows < out_.height && in_rows(rows + 1) * row_bytes <= kBandBytes &&
               (rows + 1) * sums_bytes <= kSumBytes)
            ++rows;
        const int64_t wanted = threads == 1 ? 1 : threads * kTasksPerThread;
        const int64_t most_parts = by_pixels_ ? 1 : panels_;
        while (threads > 1 && rows > 1 &&
               (out_.height + rows - 1) / rows * out_.images * s_.groups * most_parts < wanted)
            rows = (rows + 1) / 2;
        bands_ = (out_.height + rows - 1) / rows;
        band_rows_ = (out_.height + bands_ - 1) / bands_;
        bands_ = (out_.height + band_rows_ - 1) / band_rows_;
        const int64_t in_bytes = in_rows(band_rows_) * row_bytes;
        chunk_ = 1;
        if (bands_ == 1 && !by_pixels_)
            while (chunk_ < out_.images && (chunk_ + 1) * in_bytes <= kBandBytes &&
                   (chunk_ + 1) * band_rows_ * sums_bytes <= kSumBytes &&
                   (out_.images + chunk_) / (chunk_ + 1) * s_.groups * most_parts >= wanted)
                ++chunk_;
        chunks_ = (out_.images + chunk_ - 1) / chunk_;
        const int64_t others = chunks_ * bands_ * s_.groups;
        parts_ = std::clamp<int64_t>((wanted + others - 1) / others, 1, most_parts);
        tasks_ = others * parts_;
        // Weights that several tasks read are packed once for all; else in blocks where they are read. The taps of a
        // block begin in different sets of the cache.
        shared_ = !by_pixels_ && chunks_ * bands_ > 1;
        tap_distance_ = ((shared_ ? channels_ : block_channels_) + 1) * wide_;
        // Channels begin in different sets of the cache.
        plane_ = (((in_rows(band_rows_) * pitch_ + 15) / 16) | 1) * 16;
    }

    // Rows of input that so many rows of output see at most.
    int64_t in_rows(int64_t rows) const {
        return std::min(ay_.in, (rows + ay_.stride - 2) / ay_.stride + 1 + ay_.reach);
    }

    int64_t panel_size() const { return s_.taps() * tap_distance_; }
    int64_t sums_size() const {
        return by_pixels_ ? kMostFilters * static_cast<int64_t>(ax_.phases.size()) * line_
                          : chunk_ * band_rows_ * out_.width * wide_;
    }

    // Where the terms of each run lie, [rows' taps][channels][columns' taps]: for whole blocks of channels, and for
    // what is left of them at the end.
    void find_terms() {
        const int64_t taps = s_.taps();
        for (int i = 0; i < 2; ++i) {
            const int64_t channels = i == 0 ? block_channels_ : channels_ % block_channels_;
            for (const Run& run : runs_) {
                std::vector<Term>& terms = terms_[i].emplace_back();
                for (const PhaseTap& u : run.rows)
                    for (int64_t c = 0; c < channels; ++c)
                        for (const PhaseTap& v : run.columns) {
                            const int64_t tap = u.index * s_.kernel_width + v.index;
                            terms.push_back({c * plane_ - u.shift * pitch_ - v.shift,
                                             by_pixels_ ? c * filters_ * taps + tap : tap * tap_distance_ + c * wide_});
                        }
            }
        }
    }

    struct Task {
        int64_t group, image, images, first, end, in_row;  // rows of output, and the first row of input
    };

    void work(int64_t index, T* input, T* sums, const T* all, T* weights) const {
        const int64_t part = index % parts_, band = index / parts_ % bands_, chunk = index / parts_ / bands_ % chunks_;
        Task t;
        t.group = index / parts_ / bands_ / chunks_;
        t.image = chunk * chunk_;
        t.images = std::min(chunk_, out_.images - t.image);
        t.first = band * band_rows_;
        t.end = std::min(out_.height, t.first + band_rows_);
        t.in_row = ay_.in_first(t.first);
        for (int64_t n = 0; n < t.images; ++n) copy_in(t, n, input + n * channels_ * plane_);
        if (by_pixels_) {
            for (int64_t y = t.first; y < t.end; ++y) pixel_row(t, y, input, sums);
            return;
        }
        for (int64_t p = panels_ * part / parts_; p < panels_ * (part + 1) / parts_; ++p)
            panel(t, p, input, sums, all, weights);
    }

    // The rows of input under a band, (channel, row, column), with zeros around and, for a map, between.
    void copy_in(const Task& t, int64_t n, T* to) const {
        const char* image = x_.data + (t.image + n) * x_.image + t.group * channels_ * x_.channel;
        const int64_t end = ay_.in_end(t.end), every_y = inserted_ ? s_.stride_y : 1,
                      every_x = inserted_ ? s_.stride_x : 1;
        // Columns of the input within the row.
        const int64_t first = std::max<int64_t>(0, (left_ + every_x - 1) / every_x);
        const int64_t stop = std::min(x_.width, (left_ + pitch_ - 1) / every_x + 1);
        constexpr int64_t size = sizeof(T);
        for (int64_t y = t.in_row; y < end; ++y) {
            T* row = to + (y - t.in_row) * pitch_;
            const char* from = image + y / every_y * x_.row + first * x_.pixel;
            const bool zeros = y % every_y != 0 || first >= stop;
            const int64_t begin = zeros ? 0 : first * every_x - left_, count = zeros ? 0 : stop - first;
            const int64_t after = zeros ? 0 : (stop - 1) * every_x - left_ + 1;
            for (int64_t c = 0; c < channels_; ++c) {
                T* line = row + c * plane_;
                if (zeros || every_x > 1) {
                    std::memset(line, 0, static_cast<std::size_t>(pitch_) * size);
                } else {
                    std::memset(line, 0, static_cast<std::size_t>(begin) * size);
                    std::memset(line + after, 0, static_cast<std::size_t>(pitch_ - after) * size);
                }
            }
            if (zeros) continue;
            if (every_x == 1 && x_.pixel == size) {
                for (int64_t c = 0; c < channels_; ++c)
                    std::memcpy(row + c * plane_ + begin, from + c * x_.channel,
                                static_cast<std::size_t>(count) * size);
            } else if (every_x == 1 && x_.channel == size && x_.pixel % size == 0) {
                k_.transpose(from, x_.pixel / size, count, channels_, row + begin, plane_);
            } else {
                for (int64_t c = 0; c < channels_; ++c) {
                    const char* element = from + c * x_.channel;
                    T* target = row + c * plane_ + begin;
                    for (int64_t x = 0; x < count; ++x) std::memcpy(target + x * every_x, element + x * x_.pixel, size);
                }
            }
        }
    }

    // The run's terms of the taps that meet a row of the input for outputs of this quotient: the first and the number.
    void meeting(const Run& run, int64_t quotient, int64_t channels, int64_t& first, int64_t& count) const {
        const int64_t each = channels * static_cast<int64_t>(run.columns.size());
        int64_t low = 0, high = static_cast<int64_t>(run.rows.size());
        while (low < high && quotient - run.rows[static_cast<std::size_t>(low)].shift >= ay_.in) ++low;
        while (high > low && quotient - run.rows[static_cast<std::size_t>(high - 1)].shift < 0) --high;
        first = low * each;
        count = (high - low) * each;
    }

    // --- vectors of pixels ---

    void pixel_row(const Task& t, int64_t y, const T* input, T* lines) const {
        const int64_t phases = static_cast<int64_t>(ax_.phases.size()), taps = s_.taps();
        for (int64_t m = 0; m < filters_; m += kMostFilters) {
            const int64_t filters = std::min<int64_t>(kMostFilters, filters_ - m);
            T bias[kMostFilters] = {};
            for (int64_t f = 0; f < filters && bias_ != nullptr; ++f) bias[f] = bias_[t.group * filters_ + m + f];
            const T* weights = weight_ + (t.group * channels_ * filters_ + m) * taps;
            if (in_registers_) {
                phase_row(t, y, m, filters, input, weights, bias, lines);
                continue;
            }
            add_lines(t, y, filters, input, weights, bias, lines);
            for (int64_t f = 0; f < filters; ++f)
                emit_row(k_, lines + f * phases * line_, line_, phases, out_, t.image, t.group * filters_ + m + f, y);
        }
    }

    // All phases of a row in registers until their sums are interleaved: where each has one run.
    void phase_row(const Task& t, int64_t y, int64_t m, int64_t filters, const T* input, const T* weights,
                   const T* bias, T* rows) const {
        const int64_t phases = static_cast<int64_t>(ax_.phases.size()), quotient = ay_.quotient(y);
        PhaseRow row{{}, {}, {}, weights, s_.taps(), bias, {}, out_.width};
        for (std::size_t r = first_run_[static_cast<std::size_t>(y % ay_.stride)]; r < runs_.size(); ++r) {
            if (runs_[r].phase_y != y % ay_.stride) break;
            const int64_t kx = runs_[r].phase_x;
            int64_t first;
            meeting(runs_[r], quotient, channels_, first, row.count[kx]);
            row.terms[kx] = terms_[0][r].data() + first;
            row.in[kx] =
                input + (quotient - t.in_row) * pitch_ + ax_.phases[static_cast<std::size_t>(kx)].quotient - left_;
        }
        const bool direct = out_.pixel == static_cast<int64_t>(sizeof(T));
        char* to = out_.data + t.image * out_.image + (t.group * filters_ + m) * out_.channel + y * out_.row;
        for (int64_t f = 0; f < filters; ++f)
            row.out[f] = direct ? static_cast<void*>(to + f * out_.channel) : rows + f * out_.width;
        k_.phase_row[phases - 1][filters - 1](row);
        for (int64_t f = 0; f < filters && !direct; ++f)
            for (int64_t x = 0; x < out_.width; ++x)
                std::memcpy(to + f * out_.channel + x * out_.pixel, rows + f * out_.width + x, sizeof(T));
    }

    // The phases of a row to lines of their own, run by run.
    void add_lines(const Task& t, int64_t y, int64_t filters, const T* input, const T* weights, const T* bias,
                   T* lines) const {
        const int64_t phases = static_cast<int64_t>(ax_.phases.size()), quotient = ay_.quotient(y);
        std::size_t r = first_run_[static_cast<std::size_t>(y % ay_.stride)];
        for (int64_t kx = 0; kx < phases; ++kx) {
            const Phase& phase = ax_.phases[static_cast<std::size_t>(kx)];
            bool begun = false;
            T* sums = lines + kx * line_;
            for (; r < runs_.size() && runs_[r].phase_y == y % ay_.stride && runs_[r].phase_x == kx; ++r) {
                int64_t first, count;
                meeting(runs_[r], quotient, channels_, first, count);
                if (count == 0) continue;
                const PixelBlock block{terms_[0][r].data() + first, count, s_.taps(), phases * line_, bias, !begun};
                begun = true;
                pixel_blocks(block, filters, input + (quotient - t.in_row) * pitch_ + phase.quotient - left_, weights,
                             sums, phase.count);
            }
            for (int64_t f = 0; f < filters && !begun; ++f)
                std::fill_n(sums + f * phases * line_, phase.count, bias[f]);
        }
    }

    void pixel_blocks(const PixelBlock& block, int64_t filters, const T* in, const T* weights, T* sums,
                      int64_t pixels) const {
        int64_t left = (pixels + k_.lanes - 1) / k_.lanes;
        for (int size = kPixelSizes - 1; size >= 0; --size) {
            const int64_t vectors = int64_t{1} << size;
            if (vectors > k_.pixel_vectors) continue;
            const PixelKernel kernel = k_.pixel_block[filters - 1][size];
            for (; left >= vectors; left -= vectors) {
                kernel(block, in, weights, sums);
                in += vectors * k_.lanes;
                sums += vectors * k_.lanes;
            }
        }
    }

    // --- vectors of filters ---

    int64_t filters_of(int64_t p) const { return std::min(wide_, filters_ - p * wide_); }
    int64_t lanes_of(int64_t p) const { return filters_of(p) > k_.lanes ? 2 * k_.lanes : k_.lanes; }

    // Weights of some channels for a panel of filters to (channel, tap, filter), zeros for filters that there are none.
    void pack(int64_t group, int64_t p, int64_t c, int64_t channels, T* to) const {
        const int64_t taps = s_.taps();
        if (filters_of(p) < wide_)
            for (int64_t tap = 0; tap < taps; ++tap)
                std::memset(to + tap * tap_distance_, 0, static_cast<std::size_t>(channels * wide_) * sizeof(T));
        const T* from = weight_ + ((group * channels_ + c) * filters_ + p * wide_) * taps;
        for (int64_t i = 0; i < channels; ++i)
            k_.transpose(from + i * filters_ * taps, taps, filters_of(p), taps, to + i * wide_, tap_distance_);
    }

    void panel(const Task& t, int64_t p, const T* input, T* sums, const T* all, T* weights) const {
        const int64_t lanes = lanes_of(p), m = t.group * filters_ + p * wide_, filters = filters_of(p);
        const int64_t rows = t.end - t.first;
        begin(m, filters, lanes, t.images * rows * out_.width, sums);
        for (int64_t c = 0; c < channels_; c += block_channels_) {
            const int64_t channels = std::min(block_channels_, channels_ - c);
            const T* packed = weights;
            if (all != nullptr)
                packed = all + (t.group * panels_ + p) * panel_size() + c * wide_;
            else
                pack(t.group, p, c, channels, weights);
            for (std::size_t r = 0; r < runs_.size(); ++r) {
                const std::vector<Term>& terms = terms_[channels == block_channels_ ? 0 : 1][r];
                for (int64_t n = 0; n < t.images; ++n)
                    filter_rows(t, runs_[r], terms.data(), channels, lanes, input + (n * channels_ + c) * plane_,
                                packed, sums + n * rows * out_.width * lanes);
            }
        }
        for (int64_t n = 0; n < t.images; ++n)
            for (int64_t y = 0; y < rows; ++y)
                finish(t.image + n, t.first + y, m, filters, lanes, sums + (n * rows + y) * out_.width * lanes);
    }

    void begin(int64_t m, int64_t filters, int64_t lanes, int64_t pixels, T* sums) const {
        if (bias_ == nullptr) {
            std::memset(sums, 0, static_cast<std::size_t>(pixels * lanes) * sizeof(T));
            return;
        }
        for (int64_t l = 0; l < lanes; ++l) sums[l] = l < filters ? bias_[m + l] : T(0);
        for (int64_t i = 1; i < pixels; ++i)
            std::memcpy(sums + i * lanes, sums, static_cast<std::size_t>(lanes) * sizeof(T));
    }

    // All rows of the run's phase in a band: two at once where a row is short and the same taps meet both.
    void filter_rows(const Task& t, const Run& run, const Term* terms, int64_t channels, int64_t lanes, const T* input,
                     const T* weights, T* sums) const {
        const Phase& phase = ax_.phases[static_cast<std::size_t>(run.phase_x)];
        const int64_t pixels = run.end - run.first, step = ay_.stride;
        const auto& kernel = k_.filter_block[lanes / k_.lanes - 1];
        const T* in = input + phase.quotient + run.first - left_;
        T* const to = sums + (phase.first + run.first * ax_.stride) * lanes;
        FilterBlock block{nullptr, 0, pitch_, ax_.stride * lanes, step * out_.width * lanes};
        int64_t y = t.first + (run.phase_y - t.first % step + step) % step;
        while (y < t.end) {
            int64_t first, first_below = -1, count_below = 0;
            meeting(run, ay_.quotient(y), channels, first, block.count);
            block.terms = terms + first;
            const T* const row = in + (ay_.quotient(y) - t.in_row) * pitch_;
            T* const row_sums = to + (y - t.first) * out_.width * lanes;
            if (pixels <= k_.pixels / 2 && y + step < t.end)
                meeting(run, ay_.quotient(y) + 1, channels, first_below, count_below);
            const bool pair = first_below == first && count_below == block.count;
            y += pair ? 2 * step : step;
            if (block.count == 0) continue;
            if (pair) {
                kernel[1][pixels - 1](block, row, weights, row_sums);
                continue;
            }
            const int64_t pieces = (pixels + k_.pixels - 1) / k_.pixels;
            for (int64_t i = 0; i < pieces; ++i) {
                const int64_t x = pixels * i / pieces, count = pixels * (i + 1) / pieces - x;
                kernel[0][count - 1](block, row + x, weights, row_sums + x * block.sums_pixel);
            }
        }
    }

    // One row of sums (pixel, filter) to the output.
    void finish(int64_t n, int64_t y, int64_t m, int64_t filters, int64_t lanes, const T* sums) const {
        char* to = out_.data + n * out_.image + m * out_.channel + y * out_.row;
        constexpr int64_t size = sizeof(T);
        if (out_.pixel == size && out_.channel % size == 0) {
            k_.transpose(sums, lanes, out_.width, filters, to, out_.channel / size);
        } else if (out_.channel == size) {
            for (int64_t x = 0; x < out_.width; ++x)
                std::memcpy(to + x * out_.pixel, sums + x * lanes, static_cast<std::size_t>(filters) * size);
        } else {
            for (int64_t l = 0; l < filters; ++l)
                for (int64_t x = 0; x < out_.width; ++x)
                    std::memcpy(to + l * out_.channel + x * out_.pixel, sums + x * lanes + l, size);
        }
    }

    const TransposedShape s_;
    const Planes x_, out_;
    const T *weight_, *bias_;
    const TransposedKernelsOf<T>& k_;
    const bool inserted_;
    const Axis ay_, ax_;
    std::vector<Run> runs_;               // by the phases' order
    std::vector<std::size_t> first_run_;  // of each row's phase
    std::vector<std::vector<Term>> terms_[2];
    int64_t channels_, filters_, wide_, panels_, left_, pitch_, line_, most_taps_, block_channels_;
    bool by_pixels_, in_registers_, shared_ = false;
    int64_t band_rows_ = 1, bands_ = 1, chunk_ = 1, chunks_ = 1, parts_ = 1, tasks_ = 1, plane_ = 0, tap_distance_ = 0;
};

template <class T>
void col2im_of(const TransposedShape& s, const T* cols, int64_t height, int64_t width, const T* bias,
               const Planes& out) {
    const TransposedKernelsOf<T>& k = kernels_of<T>();
    const Axis ay(height, out.height, s.kernel_height, s.stride_y, s.top, s.dilation_y);
    const Axis ax(width, out.width, s.kernel_width, s.stride_x, s.left, s.dilation_x);
    const int64_t phases = static_cast<int64_t>(ax.phases.size()), pitch = ax.phases[0].count;
    std::vector<T> lines(static_cast<std::size_t>(phases * pitch));
    for (int64_t m = 0; m < out.channels; ++m)
        for (int64_t y = 0; y < out.height; ++y) {
            std::fill(lines.begin(), lines.end(), bias != nullptr ? bias[m] : T(0));
            for (const PhaseTap& u : ay.phase_of(y).taps) {
                const int64_t row = ay.quotient(y) - u.shift;
                if (row < 0 || row >= height) continue;
                for (int64_t kx = 0; kx < phases; ++kx) {
                    const Phase& phase = ax.phases[static_cast<std::size_t>(kx)];
                    for (const PhaseTap& v : phase.taps) {
                        // Output t of the phase gets the element at t + from.
                        const int64_t from = phase.quotient - v.shift;
                        const int64_t first = std::max<int64_t>(0, -from), end = std::min(phase.count, width - from);
                        if (first >= end) continue;
                        const int64_t plane = (m * s.kernel_height + u.index) * s.kernel_width + v.index;
                        k.add(lines.data() + kx * pitch + first, cols + (plane * height + row) * width + first + from,
                              end - first);
                    }
                }
            }
            emit_row(k, lines.data(), pitch, phases, out, 0, m, y);
        }
}

}  // namespace

void transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const void* weight,
                const void* bias, const Planes& out, int threads) {
    if (x.dtype == DType::f32)
        Transposed<float>(method, shape, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out)
            .run(threads);
    else
        Transposed<double>(method, shape, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out)
            .run(threads);
}

int64_t transposed_workspace(TransposedMethod method, const TransposedShape& shape, const Planes& x, const Planes& out,
                             int threads) {
    return x.dtype == DType::f32 ? Transposed<float>(method, shape, x, nullptr, nullptr, out).workspace(threads)
                                 : Transposed<double>(method, shape, x, nullptr, nullptr, out).workspace(threads);
}

void col2im(const TransposedShape& shape, const void* cols, int64_t height, int64_t width, const void* bias,
            const Planes& out) {
    if (out.dtype == DType::f32)
        col2im_of(shape, static_cast<const float*>(cols), height, width, static_cast<const float*>(bias), out);
    else
        col2im_of(shape, static_cast<const double*>(cols), height, width, static_cast<const double*>(bias), out);
}

}  // namespace imgfilt
