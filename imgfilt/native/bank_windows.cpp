#include "bank_windows.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "bank_bands.hpp"
#include "bank_panels.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kBandPixels = 448;        // of output, whose sums stay near
constexpr int64_t kFewPixels = 224;         // that share packed weights, however large their windows
constexpr int64_t kWeightBytes = 24 << 10;  // of packed weights, to stay in L1
constexpr int64_t kTransposed = 5;          // rows from which on a square of them is turned

// Taps that follow each other in the windows, a piece of the weights at a time.
struct Piece {
    std::vector<int64_t> offsets;
    int64_t length, first;  // first: the step of the weights
};

// im2win where the lanes are filters: a band of windows and a panel of weights a thread.
template <class T>
class Im2win {
  public:
    Im2win(const BankShape& shape, Windows layout, const Batch& x, const T* weight, const T* bias, const Batch& out,
           int threads)
        : s_(shape),
          last_(layout == Windows::nhwc),
          x_(x),
          out_(out),
          panels_of_(out, bias),
          weight_(weight),
          k_(bank_kernels<T>()),
          threads_(threads),
          channels_(x.channels / shape.groups),
          filters_(out.channels / shape.groups),
          pitch_(x.width + shape.left + shape.right),
          steps_(channels_ * shape.taps()),
          wide_(panels_of_.wide()),
          panels_((filters_ + wide_ - 1) / wide_),
          window_row_(pitch_ * shape.kernel_height * (last_ ? channels_ : 1)),
          bands_(out.images * out.height, out.height, shape.groups, panels_, threads,
                 [&](int64_t rows) { return fits(rows); }),
          plane_(last_ ? 0 : apart(bands_.rows * window_row_)) {}

    void run() const {
        const std::vector<Piece> taps = pieces();
        share(bands_.tasks, threads_, [&](const auto& next) {
            Scratch<T> windows(window_count()), sums(bands_.rows * out_.width * wide_), packed(steps_ * wide_),
                natural(natural_count());
            int64_t lowered = -1;
            for (int64_t task; (task = next()) >= 0;) {
                const int64_t part = task % bands_.parts, band = task / bands_.parts % bands_.count;
                const int64_t g = task / bands_.parts / bands_.count, first = band * bands_.rows;
                const int64_t end = std::min(out_.images * out_.height, first + bands_.rows);
                if (task / bands_.parts != lowered) lower(g, first, end, windows.get());
                lowered = task / bands_.parts;
                for (int64_t p = panels_ * part / bands_.parts; p < panels_ * (part + 1) / bands_.parts; ++p)
                    multiply(taps, g, p, first, end, windows.get(), packed.get(), natural.get(), sums.get());
            }
        });
    }

    int64_t workspace() const {
        const int64_t one = window_count() + bands_.rows * out_.width * wide_ + steps_ * wide_ + natural_count();
        return std::min<int64_t>(threads_, bands_.tasks) * one * static_cast<int64_t>(sizeof(T));
    }

  private:
    bool fits(int64_t rows) const {
        const int64_t pixels = rows * out_.width, bytes = rows * row_count() * static_cast<int64_t>(sizeof(T));
        return pixels <= kBandPixels && (bytes <= kWindowBytes || pixels <= kFewPixels);
    }
    int64_t row_count() const { return window_row_ * (last_ ? 1 : channels_); }
    int64_t window_count() const { return last_ ? bands_.rows * window_row_ : channels_ * plane_; }

    // The rows of windows under a band.
    void lower(int64_t g, int64_t first, int64_t end, T* windows) const {
        const std::vector<T> zeros(static_cast<std::size_t>(last_ ? 0 : x_.width), T(0));
        std::vector<const void*> rows(static_cast<std::size_t>(s_.kernel_height));
        for (int64_t r = first; r < end; ++r) {
            const char* image = x_.image(r / out_.height) + g * channels_ * x_.channel;
            T* to = windows + (r - first) * window_row_;
            if (last_) {
                lower_pixels(image, r % out_.height, to);
                continue;
            }
            for (int64_t c = 0; c < channels_; ++c)
                lower_plane(image + c * x_.channel, r % out_.height, zeros.data(), rows, to + c * plane_);
        }
    }

    // (column, tap row)
    void lower_plane(const char* channel, int64_t y, const T* zeros, std::vector<const void*>& rows, T* to) const {
        const int64_t kh = s_.kernel_height, last = y * s_.stride_y + (kh - 1) * s_.dilation_y - s_.top;
        std::memset(to, 0, static_cast<std::size_t>(s_.left * kh) * sizeof(T));
        std::memset(to + (s_.left + x_.width) * kh, 0, static_cast<std::size_t>(s_.right * kh) * sizeof(T));
        to += s_.left * kh;
        constexpr int64_t size = sizeof(T);
        if (x_.pixel == size && x_.row % size == 0 && kh >= kTransposed && y * s_.stride_y >= s_.top &&
            last < x_.height) {
            k_.transpose(row_under(s_, x_, channel, y, 0), s_.dilation_y * x_.row / size, kh, x_.width, to, kh);
            return;
        }
        if (x_.pixel == size) {
            for (int64_t u = 0; u < kh; ++u) {
                const char* row = row_under(s_, x_, channel, y, u);
                rows[static_cast<std::size_t>(u)] = row != nullptr ? static_cast<const void*>(row) : zeros;
            }
            k_.interleave(rows.data(), kh, x_.width, to);
            return;
        }
        for (int64_t u = 0; u < kh; ++u) {
            const char* row = row_under(s_, x_, channel, y, u);
            for (int64_t x = 0; x < x_.width; ++x) {
                if (row != nullptr)
                    std::memcpy(to + x * kh + u, row + x * x_.pixel, sizeof(T));
                else
                    to[x * kh + u] = T(0);
            }
        }
    }

    // (column, tap row, channel)
    void lower_pixels(const char* image, int64_t y, T* to) const {
        const int64_t kh = s_.kernel_height, pixel = kh * channels_;
        std::memset(to, 0, static_cast<std::size_t>(s_.left * pixel) * sizeof(T));
        std::memset(to + (s_.left + x_.width) * pixel, 0, static_cast<std::size_t>(s_.right * pixel) * sizeof(T));
        for (int64_t u = 0; u < kh; ++u) {
            const char* row = row_under(s_, x_, image, y, u);
            T* at = to + s_.left * pixel + u * channels_;
            for (int64_t x = 0; x < x_.width; ++x, at += pixel) {
                if (row == nullptr) {
                    for (int64_t c = 0; c < channels_; ++c) at[c] = T(0);
                } else if (x_.channel == sizeof(T) && channels_ >= 16) {
                    std::memcpy(at, row + x * x_.pixel, static_cast<std::size_t>(channels_) * sizeof(T));
                } else {
                    for (int64_t c = 0; c < channels_; ++c)
                        std::memcpy(at + c, row + x * x_.pixel + c * x_.channel, sizeof(T));
                }
            }
        }
    }

    // Where the tap (u, v) of channel c stands in the windows' order.
    int64_t step_of(int64_t c, int64_t u, int64_t v) const {
        const int64_t in_window = v * s_.kernel_height + u;
        return last_ ? in_window * channels_ + c : c * s_.taps() + in_window;
    }

    // A panel of filters in the windows' order; `natural` has place for `natural_count` weights.
    void pack(int64_t g, int64_t p, T* natural, T* to) const {
        const int64_t taps = s_.taps(), some = natural_count() / (taps * wide_);
        const int64_t m = p * wide_, filters = std::min(filters_ - m, wide_), lanes = panels_of_.lanes(filters);
        const T* from = weight_ + (g * filters_ + m) * steps_;
        if (filters < lanes) std::memset(natural, 0, static_cast<std::size_t>(natural_count()) * sizeof(T));
        for (int64_t c = 0; c < channels_; c += some) {
            const int64_t count = std::min(some, channels_ - c);
            k_.transpose(from + c * taps, steps_, filters, count * taps, natural, lanes);
            const T* row = natural;
            for (int64_t d = c; d < c + count; ++d)
                for (int64_t u = 0; u < s_.kernel_height; ++u)
                    for (int64_t v = 0; v < s_.kernel_width; ++v, row += lanes)
                        std::memcpy(to + step_of(d, u, v) * lanes, row, static_cast<std::size_t>(lanes) * sizeof(T));
        }
    }
    int64_t natural_count() const { return std::clamp<int64_t>(256 / s_.taps(), 1, channels_) * s_.taps() * wide_; }

    // The runs of taps of one output, in pieces whose weights stay in L1.
    std::vector<Piece> pieces() const {
        const bool dense = s_.dilation_x == 1;
        const int64_t most = std::max<int64_t>(1, kWeightBytes / (wide_ * static_cast<int64_t>(sizeof(T))));
        const int64_t distance = s_.dilation_x * s_.kernel_height, columns = dense ? 1 : s_.kernel_width;
        const int64_t run = s_.taps() / columns;
        std::vector<Piece> found;
        if (last_) {
            for (int64_t v = 0; v < columns; ++v)
                for (int64_t q = 0; q < run * channels_; q += most)
                    found.push_back(
                        {{v * distance * channels_ + q}, std::min(most, run * channels_ - q), v * run * channels_ + q});
            return found;
        }
        const int64_t some = std::max<int64_t>(1, most / s_.taps());
        for (int64_t c = 0; c < channels_; c += some) {
            found.push_back({{}, run, c * s_.taps()});
            for (int64_t d = c; d < std::min(c + some, channels_); ++d)
                for (int64_t v = 0; v < columns; ++v) found.back().offsets.push_back(d * plane_ + v * distance);
        }
        return found;
    }

    // The rows of a band by one panel of filters.
    void multiply(const std::vector<Piece>& taps, int64_t g, int64_t p, int64_t first, int64_t end, const T* windows,
                  T* packed, T* natural, T* sums) const {
        const int64_t m = p * wide_, filters = std::min(filters_ - m, wide_), lanes = panels_of_.lanes(filters);
        const int64_t at = g * filters_ + m, step = s_.stride_x * s_.kernel_height * (last_ ? channels_ : 1);
        std::vector<int64_t> bases;
        for (int64_t r = first; r < end; ++r) bases.push_back((r - first) * window_row_);
        panels_of_.begin(at, filters, lanes, (end - first) * out_.width, sums);
        pack(g, p, natural, packed);
        for (const Piece& piece : taps) {
            const BankRun run{
                piece.offsets.data(), static_cast<int64_t>(piece.offsets.size()), piece.length, step, 0, 0};
            panels_of_.blocks(run, lanes, bases, windows, packed + piece.first * lanes, sums);
        }
        for (int64_t r = first; r < end; ++r)
            panels_of_.finish(r / out_.height, r % out_.height, at, filters, lanes,
                              sums + (r - first) * out_.width * lanes);
    }

    const BankShape s_;
    const bool last_;  // channels last
    const Batch x_, out_;
    const Panels<T> panels_of_;
    const T* weight_;
    const BankKernelsOf<T>& k_;
    const int threads_;
    const int64_t channels_, filters_, pitch_, steps_, wide_, panels_, window_row_;
    const Bands bands_;
    const int64_t plane_;  // from a channel of a band of windows to the next
};

bool lanes_are_images(Windows layout) { return layout == Windows::chwn || layout == Windows::chwn8; }

}  // namespace

void bank_im2win(const BankShape& shape, Windows layout, const Batch& x, const void* weight, const void* bias,
                 const Batch& out, int threads) {
    if (lanes_are_images(layout))
        bank_im2win_images(shape, layout, x, weight, bias, out, threads);
    else if (x.dtype == DType::f32)
        Im2win<float>(shape, layout, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out,
                      threads)
            .run();
    else
        Im2win<double>(shape, layout, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out,
                       threads)
            .run();
}

int64_t bank_im2win_workspace(const BankShape& shape, Windows layout, const Batch& x, const Batch& out, int threads) {
    if (lanes_are_images(layout)) return bank_im2win_images_workspace(shape, layout, x, out, threads);
    return x.dtype == DType::f32 ? Im2win<float>(shape, layout, x, nullptr, nullptr, out, threads).workspace()
                                 : Im2win<double>(shape, layout, x, nullptr, nullptr, out, threads).workspace();
}

}  // namespace imgfilt
