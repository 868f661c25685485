// Fetching ahead: the rows of the image and of the output are new in order: while some are worked on, later ones are
// fetched, a part with every op, so that memory is never idle and never waited for.
#pragma once

#include <algorithm>

#include "lines.hpp"
#include "row_kernels.hpp"
#include "types.hpp"

namespace imgfilt {

inline int64_t bytes_of_row(const View& v) { return v.width * v.channels * kSizeOf[static_cast<int>(v.dtype)]; }

class Fetcher {
  public:
    Fetcher(const View& in, const View& out)
        : in_(in), row_(bytes_of_row(in)), fetching_(row_ * in.height + bytes_of_row(out) * out.height > kNear) {}

    // Into how many pieces a line is best cut, between which something is fetched.
    int64_t pieces() const { return std::max<int64_t>(1, row_ / kPiece); }
    // What a row of the result takes is fetched in so many parts, and none by `part` where the last op's loop does it
    // all; of the image so many rows ahead, or, where `rows` is 0, as the first cache has room for.
    void cut(int64_t rows, int64_t moments, bool by_last) {
        ahead_ = rows > 0 ? rows : std::clamp<int64_t>(kAhead / std::max<int64_t>(1, row_), 1, kMostAhead);
        moments_ = moments;
        parts_ = fetching_ && !by_last;
    }

    // Whether ops are to call `part` as often as was said.
    bool parts() const { return parts_; }

    // Row y of the image has been reached.
    void reach(int64_t y) { announce(y + ahead_); }
    void announce(int64_t y) {
        if (fetching_ && y < in_.height) source_.start(in_.data + y * in_.row, row_, moments_);
    }
    void announce_output(const char* row, int64_t bytes) {
        if (fetching_) target_.start(row, bytes, moments_);
    }

    void part(int64_t moments) {
        if (!parts_) return;
        source_.finish(source_.part(moments));
        target_.finish(target_.part(moments));
    }
    // For a loop that fetches itself, and what it has left.
    NextRows rows() const { return {source_.part(1), target_.part(1)}; }
    void finish(const NextRows& rows) {
        source_.finish(rows.source);
        target_.finish(rows.target);
    }

  private:
    static constexpr int64_t kPiece = 3840;      // bytes of the image between two moments of fetching
    static constexpr int64_t kNear = 10 << 20;   // bytes of image and output that are near the processor anyhow
    static constexpr int64_t kAhead = 12 << 10;  // bytes of the image fetched before they are needed: a part of the
                                                 // first cache
    static constexpr int64_t kMostAhead = 3;     // rows

    struct Fetch {
        Ahead rest;
        int64_t step = 0;

        void start(const char* row, int64_t bytes, int64_t moments) {
            if (rest.at >= rest.end || row != rest.end) rest.at = row;  // after a row not all fetched yet: both
            rest.end = row + bytes;
            step = round_up((rest.end - rest.at) / moments, kAlign);
        }
        Ahead part(int64_t moments) const { return {rest.at, std::min(rest.end, rest.at + step * moments)}; }
        // What a loop has left of its part.
        void finish(Ahead part) {
            for (; part.at < part.end; part.at += kAlign) __builtin_prefetch(part.at);
            rest.at = std::max(rest.at, part.at);
        }
    };

    const View& in_;
    const int64_t row_;    // bytes
    const bool fetching_;  // whether image and output are far enough for it to pay
    bool parts_ = false;
    int64_t ahead_ = 1;  // rows
    int64_t moments_ = 1;
    Fetch source_, target_;
};

}  // namespace imgfilt
