// Ops that one loop does together, found before a program is laid out. Results are the same to the last bit.
#include <algorithm>

#include "dispatch.hpp"
#include "program.hpp"

namespace imgfilt {
namespace {

constexpr int kMostChannels = 4;
constexpr size_t kMostTaps = 32;  // longer sums are made of shorter ones

class Fuser {
  public:
    explicit Fuser(std::vector<Op> ops) : ops_(std::move(ops)), readers_(ops_.size(), 0) {
        for (const Op& op : ops_)
            for (int input : op.inputs) ++readers_[static_cast<size_t>(input)];
    }

    std::vector<Op> run() {
        for (size_t i = 1; i < ops_.size(); ++i) widen(ops_[i]);
        if (kernels().row->taps_apart_f32 != nullptr) {
            const size_t last = ops_.size() - 1;
            if (!apart(ops_[last]) && ops_[last].kind == OpKind::convert && ops_[last].inputs[0] > 0) {
                Op& sums = op_at(ops_[last].inputs[0]);
                if (sole(ops_[last].inputs[0]) && apart(sums)) round(sums, ops_[last]);
            }
        }
        return compacted();
    }

  private:
    Op& op_at(int i) { return ops_[static_cast<size_t>(i)]; }
    bool sole(int i) const { return readers_[static_cast<size_t>(i)] == 1; }
    void let_go(Op& op) {
        for (int input : op.inputs) --readers_[static_cast<size_t>(input)];
    }

    // 16-bit elements that are made reals of only to be summed down the columns, where each row is read but a few
    // times.
    void widen(Op& op) {
        if (op.kind != OpKind::taps || op.dtype != DType::f32 || op.inputs.size() != 1 || op.init != 0.0 ||
            (op.up == 1 && op.step == 1) || op.taps.size() > kMostTaps || !sole(op.inputs[0]) ||
            std::any_of(op.taps.begin(), op.taps.end(), [](const Tap& t) { return t.dx != 0; }))
            return;
        const Op& reals = op_at(op.inputs[0]);
        if (reals.kind != OpKind::convert || reals.stage || reals.dtype != DType::f32 ||
            reals.channels != op.channels || reals.affine.scale != 1.0 || reals.affine.bias != 0.0 ||
            op_at(reals.inputs[0]).dtype != DType::u16 || op_at(reals.inputs[0]).extended != reals.extended)
            return;
        const int source = reals.inputs[0];
        let_go(op);
        ++readers_[static_cast<size_t>(source)];
        op.inputs = {source};
    }

    // Sums of every second pixel along a row, which is taken apart in the same loop.
    bool apart(Op& op) {
        if (op.kind != OpKind::taps || op.dtype != DType::f32 || op.init != 0.0 || op.up != 1 || op.step != 1 ||
            op.channels > kMostChannels || op.taps.empty() || op.taps.size() > kMostTaps)
            return false;
        const Op& first = op_at(op.inputs[0]);
        for (int i : op.inputs) {
            const Op& one = op_at(i);
            if (one.kind != OpKind::decimate || !sole(i) || one.dtype != DType::f32 || one.channels != op.channels ||
                op_at(one.inputs[0]).dtype != DType::f32 || one.size != 2 || one.origin < 0 || one.origin >= one.size ||
                one.up != 1 || one.step != 1 || one.stage || one.inputs != first.inputs || one.extra != first.extra ||
                one.extended != first.extended)
                return false;
        }
        if (std::any_of(op.taps.begin(), op.taps.end(), [](const Tap& t) { return t.dy != 0; })) return false;
        for (Tap& tap : op.taps) {
            const Op& phase = op_at(op.inputs[static_cast<size_t>(tap.input)]);
            tap.dx = tap.dx * phase.size + phase.origin;
            tap.input = 0;
        }
        op.across = first.size;
        op.extra = first.extra;
        const std::vector<int> source = first.inputs;
        let_go(op);
        ++readers_[static_cast<size_t>(source[0])];
        op.inputs = source;
        return true;
    }

    // Such sums, rounded while they are near.
    void round(Op& sums, Op& pixels) {
        Op op = sums;
        op.dtype = pixels.dtype;
        op.affine = pixels.affine;
        op.extended = pixels.extended;
        op.stage = pixels.stage;
        let_go(pixels);
        pixels = std::move(op);
        ++readers_[static_cast<size_t>(pixels.inputs[0])];
    }

    // Without the ops that nothing reads any more.
    std::vector<Op> compacted() {
        for (size_t i = ops_.size() - 1; i-- > 1;)
            if (readers_[i] == 0) let_go(ops_[i]);
        std::vector<int> place(ops_.size(), 0);
        std::vector<Op> kept;
        for (size_t i = 0; i < ops_.size(); ++i) {
            if (i > 0 && i + 1 < ops_.size() && readers_[i] == 0) continue;
            place[i] = static_cast<int>(kept.size());
            for (int& input : ops_[i].inputs) input = place[static_cast<size_t>(input)];
            kept.push_back(std::move(ops_[i]));
        }
        return kept;
    }

    std::vector<Op> ops_;
    std::vector<int> readers_;
};

}  // namespace

std::vector<Op> fused(std::vector<Op> ops) { return Fuser(std::move(ops)).run(); }

}  // namespace imgfilt
